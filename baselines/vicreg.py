"""VICReg: views of a scan agree, and every dimension varies between scans by itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from baselines.two_views import TwoViews, perceptron
from benchmark.methods.compute import at_least_single
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import AVERAGE_FROM, Batch
from benchmark.methods.views import Views

#: Standard deviation that every dimension must reach, and what is added to variances below their root.
TARGET, EPSILON = 1.0, 1e-4


def variance_term(vectors: Tensor) -> Tensor:
    """Mean over dimensions of how far their standard deviation over vectors (scan, dimension) is below 1; a scalar."""
    deviation = (vectors.var(dim=0) + EPSILON).sqrt()
    return functional.relu(TARGET - deviation).mean()


def covariance_term(vectors: Tensor) -> Tensor:
    """Sum of squared covariances of different dimensions of vectors (scan, dimension), over their number; a scalar."""
    centred = vectors - vectors.mean(dim=0)
    covariance = centred.T @ centred / (len(vectors) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / vectors.shape[1]


class VICReg(TwoViews):
    """Variance-invariance-covariance regularisation of the shared encoder (Bardes et al., ICLR 2022).

    The invariance term is the mean squared difference over scans and dimensions, as in the paper's Algorithm 1.

    Departures from the paper: the views are those of the suite, for volumes; a batch of the suite has few scans, so
    variance and covariance are those of the last few batches together (see :class:`baselines.memory.Memory`), each
    relative to its mean, and their gradient is that of as many scans; the expander has fewer units than the paper's
    8192, and its batch normalisation is over both views; Adam in place of LARS.

    Parameters
    ----------
    invariance_weight, variance_weight, covariance_weight
        Of the three terms, the latter two of which are summed over the two views; the paper's by default.
    expander_dim
        Units of the expander's two hidden layers and length of its output; it takes part in training alone.
    views, memory_batches
        See :class:`baselines.two_views.TwoViews`.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.

    Raises
    ------
    MethodError
        If a weight is negative.
    """

    def __init__(
        self,
        invariance_weight: float = 25.0,
        variance_weight: float = 25.0,
        covariance_weight: float = 1.0,
        expander_dim: int = 128,
        views: Views = Views(),  # noqa: B008 (frozen; the default shows in --print_config)
        memory_batches: int = 7,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
    ) -> None:
        super().__init__(views, memory_batches, ldr_dim, width, levels, learning_rate, gradient_clip, average_from)
        self.invariance_weight = invariance_weight
        self.variance_weight = variance_weight
        self.covariance_weight = covariance_weight
        for name in ("invariance_weight", "variance_weight", "covariance_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise MethodError(f"{name}: {getattr(self, name)} is not allowed; it must be at least 0")
        self.expander_dim = expander_dim

    def new_head(self) -> nn.Module:
        """Expander with two hidden layers."""
        return perceptron(self.ldr_dim, *[self.expander_dim] * 3)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Invariance of the batch, variance and covariance of it and the last few."""
        ldrs = self.two_views(batch)
        everyone = self.gathered(ldrs)
        new = at_least_single(self.head(everyone.flatten(0, 1))).view(len(everyone), 2, -1)
        with torch.autocast(new.device.type, enabled=False):
            invariance = functional.mse_loss(new[:, 0], new[:, 1])
            (vectors,) = self.memory.extend(new - new.mean(dim=0) if len(new) > 1 else new)
            of_views = vectors.unbind(dim=1)
            variance = sum(map(variance_term, of_views), new.new_zeros(()))
            covariance = sum(map(covariance_term, of_views), new.new_zeros(()))
            spread = self.variance_weight * variance + self.covariance_weight * covariance
            # The kept vectors have no gradient: that of the new ones stands for all.
            spread = spread.detach() + len(vectors) / len(new) * (spread - spread.detach())
        self.log_losses(ldrs[:, 0], invariance=invariance, variance=variance, covariance=covariance)
        return self.invariance_weight * invariance + spread

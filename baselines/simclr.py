"""SimCLR: views of one scan attract each other, views of other scans repel each other."""

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


def contrastive_loss(vectors: Tensor, positives: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy, with a weight for every pair.

    Of each anchor, the mean over its positives, by weight, of -log(exp(s / temperature) / sum over all other vectors of
    exp(s' / temperature)), where s is the cosine of two vectors: NT-Xent (Chen et al., ICML 2020) where the only
    positive is the other view of the scan.

    Parameters
    ----------
    vectors
        Shape (vector, dimension); the anchors are the last of them.
    positives
        Weight of each vector as a positive of each anchor, at least 0, shape (anchor, vector). No anchor is a positive
        of its own; of the others, each anchor has one at least.
    temperature
        Above 0.

    Returns
    -------
    Tensor
        Scalar, mean over the anchors.
    """
    anchors, others = len(positives), len(vectors)
    unit = functional.normalize(vectors, dim=1)
    places = torch.arange(others, device=vectors.device)
    own = places[others - anchors :, None] == places[None]
    logits = (unit[others - anchors :] @ unit.T / temperature).masked_fill(own, -torch.inf)
    weights = positives.to(vectors).masked_fill(own, 0)
    weights = weights / weights.sum(dim=1, keepdim=True)
    return -(weights * torch.log_softmax(logits, dim=1).masked_fill(own, 0)).sum(dim=1).mean()


class SimCLR(TwoViews):
    """Contrastive learning of the shared encoder by two views of each scan (Chen et al., ICML 2020).

    Departures from the paper: the views are those of the suite, for volumes; a batch of the suite has few scans, so the
    projections of the last few batches are compared with as well (see :class:`baselines.memory.Memory`), and a view of
    the same scan among them is a positive; Adam in place of LARS. The batch normalisation of the projection, which is
    the paper's, is needed with them: without it the encoder moves all views away from the kept ones, and collapses.

    Parameters
    ----------
    temperature
        That cosines are divided by.
    projection_dim
        Units of the projection's hidden layer and length of its output; it takes part in training alone.
    views, memory_batches
        See :class:`baselines.two_views.TwoViews`.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.

    Raises
    ------
    MethodError
        If ``temperature`` is not above 0.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        projection_dim: int = 128,
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
        if not 0 < temperature < math.inf:
            raise MethodError(f"temperature: {temperature} is not allowed; it must be above 0")
        self.temperature = temperature
        self.projection_dim = projection_dim

    def new_head(self) -> nn.Module:
        """Projection with one hidden layer."""
        normalised = nn.BatchNorm1d(self.projection_dim, affine=False, track_running_stats=False)
        return nn.Sequential(perceptron(self.ldr_dim, self.projection_dim, self.projection_dim), normalised)

    def known(self, batch: Batch) -> tuple[Tensor, ...]:
        """What positives are told by, shape (batch,) each."""
        return (batch["index"],)

    def positives(self, known: tuple[Tensor, ...], anchors: int) -> Tensor:
        """Weights (anchor, vector) by what is known of the vectors, of which the anchors are the last."""
        index = known[0]
        return (index[-anchors:, None] == index[None]).float()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Contrastive loss over the scans of all processes and of the last few batches."""
        ldrs = self.two_views(batch)
        # All views of all processes in one row of vectors, scan by scan.
        new = at_least_single(self.head(self.gathered(ldrs).flatten(0, 1)))
        of_scans = [self.gathered(column).repeat_interleave(2) for column in self.known(batch)]
        vectors, *known = self.memory.extend(new, *of_scans)
        with torch.autocast(vectors.device.type, enabled=False):
            positives = self.positives(tuple(known), len(new))
            loss = contrastive_loss(vectors, positives, self.temperature)
        self.log_losses(ldrs[:, 0], contrastive=loss)
        return loss

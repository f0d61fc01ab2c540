"""y-aware contrastive learning: scans of similar age attract each other too."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.simclr import SimCLR
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import AVERAGE_FROM, Batch
from benchmark.methods.views import Views


class YAware(SimCLR):
    """SimCLR in which each scan is a positive of each other by a kernel of their ages (Dufumier et al., MICCAI 2021).

    The weight of a pair is the radial basis function of the difference in age, exp(-d² / (2 width²)); the weights of an
    anchor's positives sum to 1. Where an age is unknown, the scan's own views are its only positives.

    Departures from the paper are those of :class:`baselines.simclr.SimCLR`; scans of the last few batches are positives
    as well, by the same kernel.

    Parameters
    ----------
    kernel_width
        Of the radial basis function, in years; the paper's by default. 0 for SimCLR.
    temperature, projection_dim
        See :class:`baselines.simclr.SimCLR`.
    views, memory_batches
        See :class:`baselines.two_views.TwoViews`.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.

    Raises
    ------
    MethodError
        If ``kernel_width`` is negative or ``temperature`` is not above 0.
    """

    def __init__(
        self,
        kernel_width: float = 5.0,
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
        super().__init__(
            temperature, projection_dim, views, memory_batches, ldr_dim, width, levels, learning_rate, gradient_clip,
            average_from,
        )  # fmt: skip
        if not kernel_width >= 0:
            raise MethodError(f"kernel_width: {kernel_width} is not allowed; it must be at least 0")
        self.kernel_width = kernel_width

    def known(self, batch: Batch) -> tuple[Tensor, ...]:
        """Scan and age, shape (batch,) each."""
        return batch["index"], batch["age"]

    def positives(self, known: tuple[Tensor, ...], anchors: int) -> Tensor:
        """Weights (anchor, vector): 1 for views of the same scan, else the kernel of the ages."""
        age = known[1]
        # NaN for an unknown age, and where both the difference and the width are 0.
        kernel = torch.exp(-0.5 * ((age[-anchors:, None] - age[None]) / self.kernel_width) ** 2).nan_to_num(nan=0.0)
        return torch.maximum(super().positives(known, anchors), kernel)

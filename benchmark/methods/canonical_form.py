"""A canonical form of volumes: without what a scan can be rid of by itself, before anything is learned."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from benchmark.methods.alignment import align
from benchmark.methods.compute import at_least_single
from benchmark.methods.equalisation import deshaded, equalise
from benchmark.methods.errors import MethodError

#: Standard deviation of ranks that are uniform in [-0.5, 0.5].
RANK_SD = 12**-0.5
#: How often the mean of the training scans is taken, aligned with the one before.
ROUNDS = 3


class CanonicalForm(nn.Module):
    """Volumes (batch, 1, x, y, z) to volumes without shading, contrast, place and mask; their SD is about 1.

    What a scan can be rid of by itself, in this order: a smooth shading is subtracted; each voxel is replaced by its
    rank within the brain, which no monotonic change of contrast survives (:mod:`benchmark.methods.equalisation`); the
    brain is aligned with the mean of the training scans by an affine motion (:mod:`benchmark.methods.alignment`); what
    lies outside of the scan's mask, of which nothing is known, is filled with that mean. To make input canonical in
    place of making a network invariant is as old as histogram equalisation; the term is that of Kaba et al. (ICML
    2023). The mask is what is not exactly 0, as preprocessing makes the background.

    Parameters
    ----------
    shape
        Voxels of the volume along R, A, S.
    spacing
        Edge of a voxel in mm.
    shading
        Standard deviation in mm of the Gaussian that finds the shading; 0 to leave the shading.
    ranks
        Whether voxels are replaced by their ranks.
    aligned
        Whether brains are aligned with the mean of the training scans.
    filled
        Whether what lies outside of a mask is filled with it; else it is the mean of the brain, 0.

    Raises
    ------
    MethodError
        If ``shading`` is negative.

    Attributes
    ----------
    mean
        Of the training scans that show a voxel, shape (x, y, z).
    shown
        Share of the training scans that show it.
    """

    mean: Tensor
    shown: Tensor

    def __init__(
        self,
        shape: tuple[int, int, int],
        spacing: float,
        shading: float = 20.0,
        ranks: bool = True,
        aligned: bool = True,
        filled: bool = True,
    ) -> None:
        super().__init__()
        if not 0 <= shading < math.inf:
            raise MethodError(f"shading: {shading} is not allowed; it must be at least 0 mm")
        self.spacing = spacing
        self.shading = shading
        self.ranks = ranks
        self.aligned = aligned
        self.filled = filled
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("shown", torch.zeros(shape))

    @property
    def fitted(self) -> bool:
        """Whether there is a mean of training scans."""
        return bool(self.shown.any())

    @torch.no_grad()
    def fit(self, volumes: Callable[[], Iterable[Tensor]]) -> None:
        """Take the mean of volumes, which are asked for anew in each round, in batches (batch, 1, x, y, z)."""
        for _ in range(ROUNDS if self.aligned else 1):
            total, count = (torch.zeros_like(self.mean, dtype=torch.float64) for _ in range(2))
            scans = 0
            for batch in volumes():
                values, mask = self._within_mask(batch)
                total += (values * mask).double().sum(dim=0)
                count += mask.sum(dim=0)
                scans += len(batch)
            self.mean.copy_(total / count.clamp_min(1))
            self.shown.copy_(count / scans)

    @torch.no_grad()
    def forward(self, volume: Tensor) -> Tensor:
        """The same shape and precision."""
        values, mask = self._within_mask(volume)
        outside = self.mean.to(values) if self.filled else values.new_zeros(())
        return torch.where(mask, values, outside)[:, None].to(volume.dtype)

    def _within_mask(self, volume: Tensor) -> tuple[Tensor, Tensor]:
        """Values in the mask, and the mask, both (batch, x, y, z)."""
        with torch.autocast(volume.device.type, enabled=False):
            values = at_least_single(volume[:, 0])
            mask = values != 0
            if self.shading:
                values = deshaded(values, mask, self.shading / self.spacing)
            if self.ranks:
                values = equalise(values, mask) / RANK_SD
            if self.aligned and self.fitted:
                values, mask = align(values, mask, self.mean.to(values), self.shown.to(values), self.spacing)
        return values, mask

"""SE-ADA whose LDR is of scans in a canonical form, while it reconstructs them as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.methods.alignment import align
from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.equalisation import deshaded, equalise
from benchmark.methods.errors import MethodError
from benchmark.methods.linear_path import LinearPath
from seada.seada import SEADA

#: Standard deviation of ranks that are uniform in [-0.5, 0.5].
RANK_SD = 12**-0.5
#: How often the mean of the training scans is taken, aligned with the one before.
ROUNDS = 3


class CanonicalSEADA(SEADA):
    """SE-ADA whose encoder sees each volume without its scan's shading, contrast, place and mask.

    Encoder and linear path see volumes that were rid of what a scan can be rid of by itself, in this order: a smooth
    shading is subtracted; each voxel is replaced by its rank within the brain, which no monotonic change of contrast
    survives (:mod:`benchmark.methods.equalisation`); the brain is aligned with the mean of the training scans by an
    affine motion (:mod:`benchmark.methods.alignment`); what lies outside of the scan's mask, of which nothing is known,
    is filled with that mean. To make input canonical in place of making a network invariant is as old as histogram
    equalisation; the term is that of Kaba et al. (ICML 2023). The decoder makes volumes as they were given, for which
    it has the style code. Views are made of the given volumes, so that what still differs between them is what the
    canonical form leaves. The mask is what is not exactly 0, as preprocessing makes the background.

    This is our addition and in none of SE-ADA's papers.

    Parameters
    ----------
    shading
        Standard deviation in mm of the Gaussian that finds the shading; 0 to leave the shading.
    ranks
        Whether voxels are replaced by their ranks.
    aligned
        Whether brains are aligned with the mean of the training scans.
    filled
        Whether what lies outside of a mask is filled with it; else it is the mean of the brain, 0.
    settings
        Those of :class:`seada.seada.SEADA`.

    Raises
    ------
    MethodError
        If ``shading`` is negative.
    """

    path: CanonicalPath | None

    def __init__(
        self, shading: float = 20.0, ranks: bool = True, aligned: bool = True, filled: bool = True, **settings: Any
    ) -> None:
        super().__init__(**settings)
        if not 0 <= shading < math.inf:
            raise MethodError(f"shading: {shading} is not allowed; it must be at least 0 mm")
        self.shading = shading
        self.ranks = ranks
        self.aligned = aligned
        self.filled = filled

    def build(self, spec: DataSpec) -> None:
        """As SE-ADA, with encoder and linear path behind the canonical form."""
        super().build(spec)
        self.form = CanonicalForm(spec.shape, spec.spacing, self.shading, self.ranks, self.aligned, self.filled)
        if self.blocks.network:
            self.encoder = nn.Sequential(self.form, self.encoder)  # type: ignore[assignment]
        if self.blocks.components:
            self.path = CanonicalPath(self.form, spec.shape, spec.spacing, self.ldr_dim, self.blocks.components)

    def on_fit_start(self) -> None:
        """Lightning hook: fit on the training scans what must be there before the first step."""
        if not self.form.fitted:
            self.form.fit(self._training_volumes)
        path = self.path
        if path is None or path.fitted:
            super().on_fit_start()
            return
        count = int((self._scans().scans["split"] == "train").sum())
        path.images.fit(self._training_volumes(), count)
        super().on_fit_start()
        path.regress(self._training_volumes())

    def _training_volumes(self) -> Iterator[Tensor]:
        for batch in self._scans().split_dataloader("train"):
            yield batch["volume"].to(self.device)


class CanonicalForm(nn.Module):
    """Volumes (batch, 1, x, y, z) to volumes without shading, contrast, place and mask; their SD is about 1.

    Parameters
    ----------
    shape
        Voxels of the volume along R, A, S.
    spacing
        Edge of a voxel in mm.
    shading, ranks, aligned, filled
        See :class:`CanonicalSEADA`.

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


class CanonicalPath(LinearPath):
    """Linear path from volumes in canonical form to the LDR, and from the LDR to volumes as they are.

    Parameters
    ----------
    form
        What brings volumes into canonical form.
    shape, spacing, ldr_dim, components
        See :class:`benchmark.methods.linear_path.LinearPath`.

    Attributes
    ----------
    images
        The components of volumes as they are, and the map from the LDR to them.
    """

    def __init__(
        self, form: CanonicalForm, shape: tuple[int, int, int], spacing: float, ldr_dim: int, components: int
    ) -> None:
        super().__init__(shape, spacing, ldr_dim, components)
        self.form = form
        self.images = LinearPath(shape, spacing, ldr_dim, components)
        # The way in is one path's, the way out the other's.
        self.outwards.requires_grad_(False)
        self.images.inwards.requires_grad_(False)

    @torch.no_grad()
    def regress(self, volumes: Iterable[Tensor]) -> None:
        """Let the way out begin with the regression of volumes, batches (batch, 1, x, y, z), on their LDRs."""
        both = [(self.ldr(volume).double().cpu(), self.images.scores(volume).double().cpu()) for volume in volumes]
        ldr, scores = (torch.cat(part) for part in zip(*both, strict=True))
        self.images.outwards.weight.copy_(torch.linalg.lstsq(ldr - ldr.mean(dim=0), scores).solution.T)

    def volume(self, ldr: Tensor) -> Tensor:
        """LDR (batch, ldr_dim) to its part of the volume, (batch, 1, x, y, z)."""
        return self.images.volume(ldr)

    def _blocks(self, volume: Tensor) -> Tensor:
        return super()._blocks(self.form(volume))

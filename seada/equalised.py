"""SE-ADA whose LDR is of volumes without shading and contrast, while it reconstructs them as they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.equalisation import deshaded, equalise
from benchmark.methods.errors import MethodError
from benchmark.methods.linear_path import LinearPath
from seada.seada import SEADA

#: Standard deviation of ranks that are uniform in [-0.5, 0.5].
RANK_SD = 12**-0.5


class EqualisedSEADA(SEADA):
    """SE-ADA whose encoder sees each volume without shading and with equalised intensities.

    Before anything is learned, each scan is rid of what a scan can be rid of by itself: a smooth shading is subtracted,
    and each voxel is replaced by its rank within the brain, which no monotonic change of contrast survives
    (:mod:`benchmark.methods.equalisation`). Encoder and linear path see these volumes; the decoder makes volumes as
    they were given, for which it has the style code. Views are made of the given volumes and then equalised, so that
    what they still change is what equalisation leaves. What is no voxel of the brain is what is exactly 0, as
    preprocessing makes the background.

    This is our addition and in none of the papers.

    Parameters
    ----------
    shading
        Standard deviation in mm of the Gaussian that finds the shading; 0 to leave the shading.
    equalised
        Whether voxels are replaced by their ranks.
    settings
        Those of :class:`seada.seada.SEADA`.

    Raises
    ------
    MethodError
        If ``shading`` is negative.
    """

    path: EqualisedPath | None

    def __init__(self, shading: float = 20.0, equalised: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        if not 0 <= shading < math.inf:
            raise MethodError(f"shading: {shading} is not allowed; it must be at least 0 mm")
        self.shading = shading
        self.equalised = equalised

    def build(self, spec: DataSpec) -> None:
        """As SE-ADA, with encoder and linear path behind the equalisation."""
        super().build(spec)
        before = Equalisation(self.shading / spec.spacing, self.equalised)
        if self.blocks.network:
            self.encoder = nn.Sequential(before, self.encoder)  # type: ignore[assignment]
        if self.blocks.components:
            self.path = EqualisedPath(before, spec.shape, spec.spacing, self.ldr_dim, self.blocks.components)

    def on_fit_start(self) -> None:
        """Lightning hook: fit on the training scans what must be there before the first step."""
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


class Equalisation(nn.Module):
    """Volumes (batch, 1, x, y, z) to volumes without shading and contrast, with an SD of about 1 in the brain.

    Parameters
    ----------
    sigma
        Standard deviation in voxels of the Gaussian that finds the shading; 0 to leave the shading.
    ranks
        Whether voxels are replaced by their ranks.
    """

    def __init__(self, sigma: float, ranks: bool = True) -> None:
        super().__init__()
        self.sigma = sigma
        self.ranks = ranks

    def forward(self, volume: Tensor) -> Tensor:
        """The same shape and precision."""
        with torch.autocast(volume.device.type, enabled=False):
            values = at_least_single(volume[:, 0])
            mask = values != 0
            if self.sigma:
                values = deshaded(values, mask, self.sigma)
            if self.ranks:
                values = equalise(values, mask) / RANK_SD
        return values[:, None].to(volume.dtype)


class EqualisedPath(LinearPath):
    """Linear path from equalised volumes to the LDR, and from the LDR to volumes as they are.

    Parameters
    ----------
    before
        What equalises.
    shape, spacing, ldr_dim, components
        See :class:`benchmark.methods.linear_path.LinearPath`.

    Attributes
    ----------
    images
        The components of volumes as they are, and the map from the LDR to them.
    """

    def __init__(
        self, before: Equalisation, shape: tuple[int, int, int], spacing: float, ldr_dim: int, components: int
    ) -> None:
        super().__init__(shape, spacing, ldr_dim, components)
        self.before = before
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
        return super()._blocks(self.before(volume))

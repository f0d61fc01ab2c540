"""SE-ADA whose LDR is of scans in a canonical form, while it reconstructs them as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.methods.canonical_form import CanonicalForm
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.linear_path import LinearPath
from seada.seada import SEADA


class CanonicalSEADA(SEADA):
    """SE-ADA whose encoder sees each volume without the shading, contrast, place and mask of its scan.

    Encoder and linear path see volumes in canonical form (:mod:`benchmark.methods.canonical_form`). The decoder makes
    volumes as they were given, for which it has the style code. Views are made of the given volumes, so that what still
    differs between them is what the canonical form leaves.

    This is our addition and in none of SE-ADA's papers.

    Parameters
    ----------
    shading, ranks, aligned, filled
        See :class:`benchmark.methods.canonical_form.CanonicalForm`.
    settings
        Those of :class:`seada.seada.SEADA`.
    """

    path: CanonicalPath | None

    def __init__(
        self, shading: float = 20.0, ranks: bool = True, aligned: bool = True, filled: bool = True, **settings: Any
    ) -> None:
        super().__init__(**settings)
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

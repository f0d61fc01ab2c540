"""SE-ADA whose LDR is of scans in a canonical form, while it reconstructs them as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.canonical_form import CanonicalForm
from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.linear_path import LinearPath
from benchmark.methods.representation import AVERAGE_FROM
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
    objective, adversarial_weight, warmup, ramp_length, classifier_steps, classifier_rate, classifier_hidden
        See :class:`seada.seada.SEADA`, as for all that follow.
    style_dim, style_weight, memory_batches, centre_batches
        See there.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See there.
    """

    path: CanonicalPath | None

    def __init__(
        self,
        shading: float = 20.0,
        ranks: bool = True,
        aligned: bool = True,
        filled: bool = True,
        objective: Literal["confusion", "reversal"] = "confusion",
        adversarial_weight: float = 0.02,
        warmup: float = 0.45,
        ramp_length: float = 0.25,
        classifier_steps: int = 3,
        classifier_rate: float = 2e-3,
        classifier_hidden: int = 64,
        style_dim: int = 8,
        style_weight: float = 0.1,
        memory_batches: int = 15,
        centre_batches: bool = True,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
        blocks: BuildingBlocks = BuildingBlocks(),  # noqa: B008 (frozen; the default shows in --print_config)
    ) -> None:
        super().__init__(
            objective,
            adversarial_weight,
            warmup,
            ramp_length,
            classifier_steps,
            classifier_rate,
            classifier_hidden,
            style_dim,
            style_weight,
            memory_batches,
            centre_batches,
            ldr_dim,
            width,
            levels,
            learning_rate,
            gradient_clip,
            average_from,
            blocks,
        )
        self.shading = shading
        self.ranks = ranks
        self.aligned = aligned
        self.filled = filled

    def build(self, spec: DataSpec) -> None:
        """As SE-ADA, with encoder and linear path behind the canonical form."""
        super().build(spec)
        self.form = CanonicalForm(spec.shape, spec.spacing, self.shading, self.ranks, self.aligned, self.filled)
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

    def encode(self, volume: Tensor) -> Tensor:
        """Volume (batch, 1, x, y, z) to latent vector (batch, ldr_dim), in single precision at least."""
        # Once for encoder and path, as it costs more than either.
        canonical = self.form(at_least_single(volume))
        if self.path is None:
            return at_least_single(self.encoder(canonical.to(volume.dtype)))
        latent = self.path.ldr_of_canonical(canonical)
        return latent + at_least_single(self.encoder(canonical.to(volume.dtype))) if self.blocks.network else latent

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

    def ldr(self, volume: Tensor) -> Tensor:
        """Volume (batch, 1, x, y, z), as it is, to its part of the LDR, (batch, ldr_dim)."""
        return self.ldr_of_canonical(self.form(at_least_single(volume)))

    def ldr_of_canonical(self, volume: Tensor) -> Tensor:
        """Volume in canonical form, (batch, 1, x, y, z), to its part of the LDR, (batch, ldr_dim)."""
        with torch.autocast(volume.device.type, enabled=False):
            scores = (super()._blocks(volume) - self.mean) @ at_least_single(self.basis).T
            return functional.linear(scores / self.unit.clamp_min(1e-12), at_least_single(self.inwards.weight))

    def volume(self, ldr: Tensor) -> Tensor:
        """LDR (batch, ldr_dim) to its part of the volume, (batch, 1, x, y, z)."""
        return self.images.volume(ldr)

    def _blocks(self, volume: Tensor) -> Tensor:
        return super()._blocks(self.form(volume))

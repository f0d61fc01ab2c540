"""Piecewise linear maps of each scan's quantiles to those of a standard: Nyúl's method and histogram matching."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from baselines.normalised_images import Normaliser
from benchmark.methods.errors import MethodError

#: Nyúl's landmarks, in percent: the deciles between robust extremes.
DECILES = (1.0, *range(10, 100, 10), 99.0)


class QuantileMap(Normaliser):
    """Give every scan the quantiles of a standard, linear in between and beyond.

    With landmarks at the deciles and a standard of all training scans it is the histogram standardisation of Nyúl &
    Udupa (MRM 1999; landmarks of Nyúl et al., IEEE TMI 2000): landmarks of each training scan, with the outer two at 0
    and 1, averaged. With two landmarks robust extremes become 0 and 1. With many and a reference site it is histogram
    matching to the mean histogram of that site.

    Parameters
    ----------
    landmarks
        Percentages, ascending, within 0 to 100; at least two. Nyúl's deciles by default.
    reference_site
        Name of the training site whose scans make the standard; None for all of them. ``first`` for the first in the
        alphabet.
    clip
        Whether what lies beyond the outer landmarks becomes 0 and 1.

    Raises
    ------
    MethodError
        For landmarks that are not allowed, or a reference site that is no training site.
    """

    standard: Tensor

    def __init__(
        self, landmarks: list[float] | None = None, reference_site: str | None = None, clip: bool = False
    ) -> None:
        super().__init__()
        self.landmarks = list(map(float, DECILES)) if landmarks is None else list(landmarks)
        self.reference_site = reference_site
        self.clip = clip
        ascending = all(low < high for low, high in zip(self.landmarks, self.landmarks[1:], strict=False))
        if len(self.landmarks) < 2 or not ascending or self.landmarks[0] < 0 or self.landmarks[-1] > 100:
            raise MethodError(
                f"landmarks: {self.landmarks} is not allowed; they must be at least two, ascending, within 0 to 100"
            )
        self.register_buffer("standard", torch.linspace(0, 1, len(self.landmarks)))

    def fit(self, volumes: Iterable[tuple[Tensor, list[str]]]) -> None:
        """Average the landmarks of the training scans, the outer two at 0 and 1."""
        kept, sites = [], []
        for volume, names in volumes:
            found = self._found(volume)
            kept.append((found - found[:, :1]) / (found[:, -1:] - found[:, :1]).clamp_min(1e-6))
            sites += names
        wanted = min(sites) if self.reference_site == "first" else self.reference_site
        if wanted is not None and wanted not in sites:
            raise MethodError(
                f"reference_site: '{wanted}' is not allowed; allowed: {', '.join(sorted(set(sites)))}, first"
            )
        chosen = torch.tensor([wanted in (None, site) for site in sites], device=kept[0].device)
        self.standard.copy_(torch.cat(kept)[chosen].mean(dim=0))

    def forward(self, volume: Tensor) -> Tensor:
        """Volumes with the quantiles of the standard, in units of its outer landmarks."""
        found = self._found(volume)
        flat = volume.flatten(1).contiguous()
        # The piece that an intensity lies in; the outer ones go on beyond.
        piece = torch.searchsorted(found[:, 1:-1].contiguous(), flat)
        low, high = found.gather(1, piece), found.gather(1, piece + 1)
        goal = self.standard.expand(len(flat), -1)
        bottom, top = goal.gather(1, piece), goal.gather(1, piece + 1)
        mapped = bottom + (flat - low) / (high - low).clamp_min(1e-6) * (top - bottom)
        if self.clip:
            mapped = mapped.clamp(0, 1)
        return (mapped * (flat != 0)).view_as(volume)

    def _found(self, volume: Tensor) -> Tensor:
        """Landmarks of each scan within its mask, shape (batch, landmark)."""
        at = torch.tensor(self.landmarks, device=volume.device, dtype=volume.dtype) / 100
        return torch.stack([torch.quantile(scan[scan != 0], at) for scan in volume.flatten(1)])

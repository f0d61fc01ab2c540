"""What a network must know of the data before it can be built."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DataSpec:
    """Grid of the volumes and the sites seen in training.

    Attributes
    ----------
    shape
        Voxels along the R, A and S axes.
    sites
        Names of the sites that training scans come from; a batch's ``site`` is an index into it, and
        ``len(sites)`` stands for a site that training does not see.
    spacing
        Edge of a voxel in mm; NaN in checkpoints of before it was kept.
    """

    shape: tuple[int, int, int]
    sites: tuple[str, ...]
    spacing: float = math.nan

    def state(self) -> dict[str, Any]:
        """Plain lists and strings, so that a checkpoint loads with ``weights_only=True``."""
        return {"shape": list(self.shape), "sites": list(self.sites), "spacing": self.spacing}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> DataSpec:
        """Inverse of :meth:`state`."""
        x, y, z = state["shape"]
        spacing = float(state.get("spacing", math.nan))
        return cls(shape=(int(x), int(y), int(z)), sites=tuple(state["sites"]), spacing=spacing)

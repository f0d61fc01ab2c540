"""What a network must know of the data before it can be built."""

from __future__ import annotations

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
    """

    shape: tuple[int, int, int]
    sites: tuple[str, ...]

    def state(self) -> dict[str, Any]:
        """Plain lists and strings, so that a checkpoint loads with ``weights_only=True``."""
        return {"shape": list(self.shape), "sites": list(self.sites)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> DataSpec:
        """Inverse of :meth:`state`."""
        x, y, z = state["shape"]
        return cls(shape=(int(x), int(y), int(z)), sites=tuple(state["sites"]))

"""Warped anatomies on the phantom's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.data.phantom.atlas import CENTRE
from benchmark.data.phantom.label_maps import AIR, CSF, TISSUES
from benchmark.data.phantom.prepared_anatomy import MAP_SPACING, MAPS, WARP_SPACING, PreparedAnatomy, box
from benchmark.data.phantom.settings import PhantomSettings
from benchmark.data.phantom.volume_flow import flow
from benchmark.data.phantom.warps import gathered, moved

#: Structures whose volumes change by flows, as in :attr:`PreparedAnatomy.velocities`; the first of the maps.
FLOWING = TISSUES[:3]
#: Largest distance, in mm, between the points at which a label map is looked up, for images and for volumes.
POINT_SPACING, FINE_POINT_SPACING = 2.0, 1.34
_NOWHERE = np.zeros((1, 1, 1, 3), np.float32)


def flowed(source: PreparedAnatomy, times: NDArray[np.float64], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where in a source points of the warp's grid are, its structures having grown for these times.

    Parameters
    ----------
    source
        Its velocities are used.
    times
        Along each of them; negative to shrink.
    points
        Shape (x, y, z, axis), in voxels of the warp's grid.

    Returns
    -------
    ndarray
        Shape (x, y, z, axis), in voxels of the source's surroundings.
    """
    # Against the velocity: a structure grows where points look further inwards.
    backwards = np.tensordot(-times.astype(np.float32), source.velocities, 1)
    return in_map_voxels(moved(flow(backwards), points))


def in_map_voxels(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Voxels of the warp's grid as voxels of sources' surroundings."""
    _, warp = box(WARP_SPACING)
    _, maps = box(MAP_SPACING)
    offset = (warp[:3, 3] - maps[:3, 3]) / MAP_SPACING
    return np.asarray(points * (WARP_SPACING / MAP_SPACING) + offset, np.float32)


@dataclass(frozen=True)
class SampledGrid:
    """The phantom's grid; each voxel is counts the labels of points in it, so that volumes are kept."""

    settings: PhantomSettings

    def shares(
        self, source: PreparedAnatomy, warp: NDArray[np.float32], displacement: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Shares of all of :data:`MAPS`, shape (x, y, z, map).

        Parameters
        ----------
        source
            The maps.
        warp
            Shape (x', y', z', axis), see :func:`flowed`.
        displacement
            Shape (axis, x, y, z), in mm, see :class:`benchmark.data.phantom.brain.Brain`.
        """
        moves = _NOWHERE
        if displacement is not None:
            moves = np.ascontiguousarray(np.moveaxis(displacement, 0, -1) / WARP_SPACING, np.float32)
        return self._gathered(
            source, len(MAPS), warp, moves, np.zeros(3, int), np.array(self.settings.shape), POINT_SPACING
        )

    def flowing_volumes(self, source: PreparedAnatomy, warp: NDArray[np.float32]) -> NDArray[np.float64]:
        """Volumes of :data:`FLOWING` in ml; looks only where they are."""
        low, high = source.flowing_box
        holds = np.flatnonzero(((warp >= low) & (warp <= high)).all(axis=-1))
        at = np.stack(np.unravel_index(holds, warp.shape[:3]))
        first, step = self._first(), self._step()
        begin = np.clip(np.floor((at.min(axis=1) - 1 - first) / step), 0, np.array(self.settings.shape) - 1)
        end = np.clip(np.ceil((at.max(axis=1) + 1 - first) / step) + 1, begin + 1, self.settings.shape)
        maps = self._gathered(
            source, len(FLOWING), warp, _NOWHERE, begin.astype(int), end.astype(int), FINE_POINT_SPACING
        )
        return self.millilitres(maps)

    def millilitres(self, maps: NDArray[np.float32]) -> NDArray[np.float64]:
        """Volume of each map of shape (x, y, z, map)."""
        sums: NDArray[np.float64] = maps.sum(axis=(0, 1, 2), dtype=float) * self.settings.spacing**3 / 1000
        return sums

    def _first(self) -> NDArray[np.float64]:
        """Voxel of the warp at which the middle of the first voxel is."""
        middle = (np.array(self.settings.shape) - 1) / 2 * self.settings.spacing
        first: NDArray[np.float64] = (np.array(CENTRE) - middle - box(WARP_SPACING)[1][:3, 3]) / WARP_SPACING
        return first

    def _step(self) -> float:
        return self.settings.spacing / WARP_SPACING

    def _gathered(
        self,
        source: PreparedAnatomy,
        count: int,
        warp: NDArray[np.float32],
        moves: NDArray[np.float32],
        begin: NDArray[np.int_],
        end: NDArray[np.int_],
        apart: float,
    ) -> NDArray[np.float32]:
        x, y, z = (int(n) for n in end - begin)
        first, step = self._first() + begin * self._step(), self._step()
        finer = int(np.ceil(self.settings.spacing / apart))
        return gathered(
            source.tissue,
            source.to_voxel,
            source.surroundings,
            source.layers,
            CSF,
            AIR,
            TISSUES.index("cortex"),
            count,
            warp,
            moves,
            (x, y, z),
            finer,
            begin,
            first,
            step,
        )

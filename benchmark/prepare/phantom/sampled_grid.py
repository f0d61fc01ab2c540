"""Warped anatomies on the phantom's grid, whose voxels count the labels of points in them, so that volumes are kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.prepare.phantom.atlas import CENTRE
from benchmark.prepare.phantom.label_maps import AIR, CSF, TISSUES
from benchmark.prepare.phantom.prepared_anatomy import MAP_SPACING, MAPS, WARP_SPACING, PreparedAnatomy, box
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.volume_flow import flow
from benchmark.prepare.phantom.warps import gathered, moved

#: Structures whose volumes change by flows, as in :attr:`PreparedAnatomy.velocities`; the first of the maps.
FLOWING = TISSUES[:3]
#: Largest distance, in mm, between the points at which a label map is looked up, in images and where structures
#: with velocities are.
POINT_SPACING, FINE_POINT_SPACING = 2.0, 1.34
#: Largest spacing, in mm, of which half the diagonal of a voxel is well within 8 mm.
_LARGEST_KNOWN = 5.0
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


def sampled(
    settings: PhantomSettings,
    source: PreparedAnatomy,
    warp: NDArray[np.float32],
    displacement: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Shares of all of :data:`MAPS`, shape (x, y, z, map), in [0, 1].

    Parameters
    ----------
    settings
        The grid is used.
    source
        What is looked up.
    warp
        Shape (x', y', z', axis), see :func:`flowed`.
    displacement
        Shape (axis, x, y, z), in mm, see :class:`benchmark.prepare.phantom.brain.Brain`.
    """
    moves = _NOWHERE
    if displacement is not None:
        moves = np.ascontiguousarray(np.moveaxis(displacement, 0, -1) / WARP_SPACING, np.float32)
    return _gathered(settings, source, source.known, len(MAPS), warp, moves, POINT_SPACING)


def flowing_volumes(
    settings: PhantomSettings, source: PreparedAnatomy, warp: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Volumes of :data:`FLOWING` in ml; looks only where they are."""
    near = source.flowing_near
    return millilitres(settings, _gathered(settings, source, near, len(FLOWING), warp, _NOWHERE, FINE_POINT_SPACING))


def millilitres(settings: PhantomSettings, maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Volume of each map of shape (x, y, z, map)."""
    sums: NDArray[np.float64] = maps.sum(axis=(0, 1, 2), dtype=float) * settings.spacing**3 / 1000
    return sums


def _gathered(
    settings: PhantomSettings,
    source: PreparedAnatomy,
    known: NDArray[np.uint8],
    count: int,
    warp: NDArray[np.float32],
    moves: NDArray[np.float32],
    apart: float,
) -> NDArray[np.float32]:
    spacing, shape = settings.spacing, settings.shape
    middle = (np.array(shape) - 1) / 2 * spacing
    first = (np.array(CENTRE) - middle - box(WARP_SPACING)[1][:3, 3]) / WARP_SPACING
    return gathered(
        source.tissue,
        source.to_voxel,
        source.surroundings,
        source.layers,
        CSF,
        AIR,
        TISSUES.index("cortex"),
        # A large voxel reaches beyond what is known of the neighbourhood of its middle.
        known if spacing <= _LARGEST_KNOWN else np.full_like(known, 255),
        count,
        warp,
        moves,
        shape,
        int(np.ceil(spacing / apart)),
        first,
        spacing / WARP_SPACING,
    )

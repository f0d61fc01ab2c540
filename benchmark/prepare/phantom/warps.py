"""Loops over points of a warped anatomy, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.compiled import compiled

Points = NDArray[np.float32]


@compiled
def _looked_up(
    labels: NDArray[np.uint8],
    affine: NDArray[np.float64],
    around: NDArray[np.uint8],
    layers: NDArray[np.uint8],
    csf: int,
    air: int,
    cortex: int,
    a: float,
    b: float,
    c: float,
) -> tuple[int, int]:
    """Tissue and layer (0 for none) at a point, in voxels of the grid of ``around``."""
    if not (
        -0.5 <= a < around.shape[0] - 0.5 and -0.5 <= b < around.shape[1] - 0.5 and -0.5 <= c < around.shape[2] - 0.5
    ):
        return air, 0
    x, y, z = int(a + 0.5), int(b + 0.5), int(c + 0.5)
    # Half a voxel more, to round by cutting off.
    i = affine[0, 0] * a + affine[0, 1] * b + affine[0, 2] * c + affine[0, 3] + 0.5
    j = affine[1, 0] * a + affine[1, 1] * b + affine[1, 2] * c + affine[1, 3] + 0.5
    k = affine[2, 0] * a + affine[2, 1] * b + affine[2, 2] * c + affine[2, 3] + 0.5
    tissue = air
    if 0 <= i < labels.shape[0] and 0 <= j < labels.shape[1] and 0 <= k < labels.shape[2]:
        tissue = int(labels[int(i), int(j), int(k)])
    if tissue == cortex:
        layer = int(layers[x, y, z])
        return tissue, layer if layer < 3 else 0
    if tissue < csf:
        return tissue, 0
    # Around the brain the finished surroundings count; right next to it is fluid.
    tissue = max(int(around[x, y, z]), csf)
    return tissue, 3 if tissue == csf and layers[x, y, z] == 3 else 0


@compiled
def _cell(position: float, size: int) -> tuple[int, np.float32]:
    """Lower neighbour and weight of the upper one; beyond the grid its edge."""
    clipped = min(max(position, 0.0), size - 1.0)
    lower = min(int(clipped), size - 2)
    return lower, np.float32(clipped - lower)


@compiled
def _at(field: Points, a: float, b: float, c: float, out: Points) -> None:
    """Trilinear interpolation of a field of shape (x, y, z, axis) at one point, in voxels."""
    i, u = _cell(a, field.shape[0])
    j, v = _cell(b, field.shape[1])
    k, w = _cell(c, field.shape[2])
    one = np.float32(1)
    for axis in range(out.shape[0]):
        low = (one - w) * field[i, j, k, axis] + w * field[i, j, k + 1, axis]
        side = (one - w) * field[i, j + 1, k, axis] + w * field[i, j + 1, k + 1, axis]
        far = (one - w) * field[i + 1, j, k, axis] + w * field[i + 1, j, k + 1, axis]
        both = (one - w) * field[i + 1, j + 1, k, axis] + w * field[i + 1, j + 1, k + 1, axis]
        out[axis] = (one - u) * ((one - v) * low + v * side) + u * ((one - v) * far + v * both)


@compiled
def moved(field: Points, points: Points) -> Points:
    """Points after a displacement: p + field(p).

    Parameters
    ----------
    field
        Displacement in voxels, shape (x, y, z, axis); beyond its grid that of the edge.
    points
        In voxels of its grid, shape (x', y', z', axis).
    """
    result = np.empty_like(points)
    step = np.empty(3, np.float32)
    for x, y, z in np.ndindex(points.shape[:3]):
        point = points[x, y, z]
        _at(field, point[0], point[1], point[2], step)
        for axis in range(3):
            result[x, y, z, axis] = point[axis] + step[axis]
    return result


@compiled
def _all_around(known: NDArray[np.uint8], around: NDArray[np.uint8], where: Points) -> int:
    """Number of the tissue in the neighbourhood of a point, in voxels of the grid of ``around``."""
    for axis in range(3):
        if not -0.5 <= where[axis] < around.shape[axis] - 0.5:
            return 255
    return int(known[int((where[0] + 0.5) / 4), int((where[1] + 0.5) / 4), int((where[2] + 0.5) / 4)])


@compiled
def _mixed(number: int) -> int:
    """Integer of 31 bits each of which depends on all of those of a number, to start a sequence from."""
    state = number & 0x7FFFFFFF
    state = ((state ^ (state >> 15)) * 0x2C1B3C6D) & 0x7FFFFFFF
    state = ((state ^ (state >> 12)) * 0x297A2D39) & 0x7FFFFFFF
    return state ^ (state >> 15)


@compiled
def gathered(
    labels: NDArray[np.uint8],
    affine: NDArray[np.float64],
    around: NDArray[np.uint8],
    layers: NDArray[np.uint8],
    csf: int,
    air: int,
    cortex: int,
    known: NDArray[np.uint8],
    count: int,
    warp: Points,
    displacement: Points,
    shape: tuple[int, int, int],
    finer: int,
    first: NDArray[np.float64],
    step: float,
) -> Points:
    """Shares on a coarse grid: of the points within each voxel, each looked up in the label map where the warp says.

    Parameters
    ----------
    labels
        Tissues of a label map, shape (i, j, k): below ``csf`` of the brain.
    affine
        Shape (4, 4): voxel of the grid of ``around`` to voxel of ``labels``.
    around
        Tissue, shape (x, y, z), which says what is around the brain.
    layers
        Shape (x, y, z): 1 or 2 where layers of the cortex are, 3 where one of CSF is, 0 elsewhere.
    csf, air, cortex
        Numbers of tissues.
    known
        Where the whole neighbourhood is of one tissue or air, its number, elsewhere 255, or 254 for one more point
        along each edge: shape (x, y, z), over the same space as ``around`` in blocks of 4 x 4 x 4. Spares looking up
        points one by one.
    count
        Tissues and layers that are wanted, from the first.
    warp
        Where on the grid of ``around`` (voxels) the anatomy at the warp's grid points is, shape (x', y', z', axis).
    displacement
        Added to the points, in voxels of ``warp``, shape (x'', y'', z'', axis) on the coarse grid, or (1, 1, 1, 3) for
        none.
    shape
        Voxels of the coarse grid.
    finer
        Points along each edge of a coarse voxel.
    first
        Voxel of ``warp`` at which the middle of the first coarse voxel is.
    step
        Voxels of ``warp`` between middles of coarse voxels.

    Returns
    -------
    ndarray
        Shape (x'', y'', z'', tissue or layer), in [0, 1]; outside of ``around`` is air.
    """
    result = np.zeros((shape[0], shape[1], shape[2], count), np.float32)
    extra, where = np.zeros(3, np.float32), np.empty(3, np.float32)
    unit = 1 / 2097152
    tissues = min(count, air)
    distorted = displacement.shape[0] > 1
    for x, y, z in np.ndindex(shape):
        if distorted:
            _at(displacement, x, y, z, extra)
        u, v, w = first[0] + step * x + extra[0], first[1] + step * y + extra[1], first[2] + step * z + extra[2]
        _at(warp, u, v, w, where)
        tissue = _all_around(known, around, where)
        if tissue <= air:
            if tissue < tissues:
                result[x, y, z, tissue] = 1
            continue
        state = _mixed(x * 73856093 ^ y * 19349663 ^ z * 83492791)
        points = finer + 1 if tissue == 254 else finer
        weight, part = np.float32(1 / points**3), 1 / points
        for p, q, r in np.ndindex((points, points, points)):
            # Anywhere in its part of the voxel: points in rows would all but hit or miss what is thin.
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            a = x + (p + (state >> 10) * unit) * part - 0.5
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            b = y + (q + (state >> 10) * unit) * part - 0.5
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            c = z + (r + (state >> 10) * unit) * part - 0.5
            if distorted:
                _at(displacement, a, b, c, extra)
            u, v, w = first[0] + step * a + extra[0], first[1] + step * b + extra[1], first[2] + step * c + extra[2]
            _at(warp, u, v, w, where)
            tissue, layer = _looked_up(labels, affine, around, layers, csf, air, cortex, where[0], where[1], where[2])
            if tissue < tissues:
                result[x, y, z, tissue] += weight
            if layer > 0 and air + layer <= count:
                result[x, y, z, air + layer - 1] += weight
    return result

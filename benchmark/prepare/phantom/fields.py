"""Smooth random fields from few control points, and linear interpolation of volumes."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray


@cache
def _basis(size: int, points: int) -> NDArray[np.float32]:
    """Cubic B-spline weights, shape (size, points): control points spread evenly over the axis."""
    position = np.linspace(0, points - 1, size)[:, None] - np.arange(points)[None, :]
    distance = np.abs(position)
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.clip(2 - distance, 0, None) ** 3 / 6
    weights = np.where(distance < 1, near, far)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, int, int], points: tuple[int, int, int], count: int = 1
) -> NDArray[np.float32]:
    """Random fields with about unit standard deviation.

    Parameters
    ----------
    rng
        Source of the control points, standard normal.
    shape
        Voxels of the field.
    points
        Control points along each axis, at least 4.
    count
        Number of independent fields.

    Returns
    -------
    ndarray
        Shape (count, x, y, z), float32.
    """
    control = rng.standard_normal((count, *points)).astype(np.float32)
    bases = [_basis(n, p) for n, p in zip(shape, points, strict=True)]
    # A B-spline averages its neighbours: what that takes of the spread is given back.
    gain = float(np.prod([1 / np.sqrt((basis**2).sum(axis=1).mean()) for basis in bases]))
    field = np.einsum("cijk,xi->cxjk", control, bases[0], optimize=True)
    field = np.einsum("cxjk,yj->cxyk", field, bases[1], optimize=True)
    field = np.einsum("cxyk,zk->cxyz", field, bases[2], optimize=True)
    return np.asarray(field * gain, np.float32)


def sample(volumes: NDArray[np.float32], position: NDArray[np.float32]) -> NDArray[np.float32]:
    """Trilinear interpolation of several volumes at the same points, 0 outside.

    Parameters
    ----------
    volumes
        Shape (volume, x, y, z).
    position
        Voxel coordinates, shape (axis, x', y', z').

    Returns
    -------
    ndarray
        Shape (volume, x', y', z'), float32.
    """
    sizes = np.array(volumes.shape[1:], np.float32)[:, None, None, None]
    # torch wants coordinates in [-1, 1], last axis first.
    scaled = torch.from_numpy(np.ascontiguousarray((2 * position / (sizes - 1) - 1)[::-1], np.float32))
    grid = scaled.permute(1, 2, 3, 0)[None]
    sampled = torch.nn.functional.grid_sample(
        torch.from_numpy(np.ascontiguousarray(volumes, np.float32))[None], grid, align_corners=True
    )
    return np.asarray(sampled[0].numpy())


@cache
def _voxel_grid(shape: tuple[int, int, int]) -> NDArray[np.float32]:
    return np.stack(np.meshgrid(*(np.arange(n, dtype=np.float32) for n in shape), indexing="ij"))


def voxel_grid(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Voxel coordinates of a grid, shape (axis, x, y, z)."""
    x, y, z = shape
    return _voxel_grid((x, y, z)).copy()


def deformed(
    offset: NDArray[np.float32], displacement: NDArray[np.float32] | None, spacing: float
) -> NDArray[np.float32]:
    """Points that a grid shows through two deformations after each other.

    Parameters
    ----------
    offset
        From a voxel to the point that it shows, in voxels, shape (axis, x, y, z); smooth.
    displacement
        Where each voxel looks before that, in mm, of the same shape; None for where it is.
    spacing
        Edge of a voxel in mm.

    Returns
    -------
    ndarray
        Voxel coordinates, shape (axis, x, y, z).
    """
    grid = voxel_grid(offset.shape[1:])
    if displacement is None:
        return grid + offset
    seen = grid + displacement / np.float32(spacing)
    # Near the edge of the grid an offset counts on, rather than to fall to the 0 that is outside.
    last = np.array(offset.shape[1:], np.float32)[:, None, None, None] - 1
    return seen + sample(offset, np.clip(seen, 0, last))

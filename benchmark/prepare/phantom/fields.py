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

"""Flows that change the volume of a structure and push or pull its neighbourhood, without folding.

A velocity whose divergence is one inside a structure and balanced outside changes the structure's volume at a known
rate and, where it has no divergence, no other's (prescribed volume change for simulating atrophy: Karaçalı and
Davatzikos, Medical Image Analysis 2006; Khanal et al., NeuroImage 2016). The velocity is the gradient of a potential
that solves Poisson's equation. The flow along it is integrated by scaling and squaring (Arsigny et al., MICCAI 2006),
so that it is smooth and invertible and nothing folds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, idctn
from scipy.ndimage import binary_dilation, gaussian_filter

from benchmark.prepare.phantom.warps import moved

Field = NDArray[np.float32]

#: Times that a flow is composed with itself: steps of a 64th.
SQUARINGS = 6


def velocity(structure: Field, balance: Field, inside: NDArray[np.bool_]) -> Field:
    """Velocity, in voxels per unit of time, along which a structure grows.

    Parameters
    ----------
    structure
        Share of the structure, shape (x, y, z): the divergence.
    balance
        What gives way, shape (x, y, z), not negative.
    inside
        Where anything may move, shape (x, y, z); elsewhere the velocity fades away.

    Returns
    -------
    ndarray
        Shape (x, y, z, axis), float32.
    """
    total = float(balance.sum(dtype=float))
    divergence = structure - balance * (float(structure.sum(dtype=float)) / total)
    spectrum = dctn(divergence.astype(float), type=2, norm="ortho")
    parts = [2 * np.cos(np.pi * np.arange(n) / n) - 2 for n in divergence.shape]
    eigenvalues = parts[0][:, None, None] + parts[1][:, None] + parts[2]
    eigenvalues[0, 0, 0] = 1
    spectrum[0, 0, 0] = 0
    potential = idctn(spectrum / eigenvalues, type=2, norm="ortho")
    fade = gaussian_filter(binary_dilation(inside, iterations=2).astype(np.float32), 1.5)
    return np.ascontiguousarray(np.stack(np.gradient(potential), axis=-1) * fade[..., None], np.float32)


def flow(along: Field) -> Field:
    """Displacement, in voxels, after one unit of time along a velocity of shape (x, y, z, axis)."""
    points = grid_points((along.shape[0], along.shape[1], along.shape[2]))
    displacement = along / np.float32(2**SQUARINGS)
    for _ in range(SQUARINGS):
        # u(p) + u(p + u(p)), the way of a point that goes twice.
        displacement = moved(displacement, points + displacement) - points
    return displacement


def grid_points(shape: tuple[int, int, int]) -> Field:
    """Voxel coordinates, shape (x, y, z, axis)."""
    return np.ascontiguousarray(np.moveaxis(np.indices(shape, np.float32), 0, -1))

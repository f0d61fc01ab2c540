"""What happens to an image in k-space: motion during the scan, and the resolution that is measured."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Parts of a scan between which the head moves.
SEGMENTS = 5


def moved(
    image: NDArray[np.float32], rng: np.random.Generator, amplitude: float, spacing: float
) -> NDArray[np.float32]:
    """Image of a head that moved.

    K-space is measured line by line along the phase-encoding direction (from behind to the front); the head lies
    elsewhere in each of a few stretches of time, which shows as blur and ghosts (Godenschweger et al., Physics in
    Medicine and Biology 2016).

    Parameters
    ----------
    image
        Shape (x, y, z).
    rng
        Source of when the head moves, and where to.
    amplitude
        Standard deviation of its shift along each axis, in mm.
    spacing
        Edge of a voxel in mm.

    Returns
    -------
    ndarray
        Shape (x, y, z), float32, at least 0.
    """
    spectrum = np.fft.fftn(image)
    x, y, z = (np.fft.fftfreq(n, spacing) for n in image.shape)
    # The lines are measured in the order of their frequency; the largest stretch, around the middle, is the reference.
    edges = np.sort(rng.integers(0, len(y), SEGMENTS - 1))
    segment = np.searchsorted(edges, np.argsort(np.argsort(y)), side="right")
    shifts = amplitude * rng.standard_normal((SEGMENTS, 3))
    shifts -= shifts[segment[0]]
    dx, dy, dz = shifts[segment].T
    phase = x[:, None, None] * dx[None, :, None] + (y * dy)[None, :, None] + z[None, None, :] * dz[None, :, None]
    return np.abs(np.fft.ifftn(spectrum * np.exp(-2j * np.pi * phase))).astype(np.float32)


def blurred(image: NDArray[np.float32], widths: tuple[float, float, float], spacing: float) -> NDArray[np.float32]:
    """Image as a scanner of lower resolution sees it.

    By the transfer function, since a kernel of voxels cannot be narrower than they are.

    Parameters
    ----------
    image
        Shape (x, y, z).
    widths
        Standard deviations of the Gaussian point spread along x, y and z, in mm.
    spacing
        Edge of a voxel in mm.
    """
    spectrum = np.fft.rfftn(image)
    frequencies = (*(np.fft.fftfreq(n, spacing) for n in image.shape[:2]), np.fft.rfftfreq(image.shape[2], spacing))
    for axis, (width, frequency) in enumerate(zip(widths, frequencies, strict=True)):
        shape = [1, 1, 1]
        shape[axis] = -1
        spectrum = spectrum * np.exp(-2 * (np.pi * width * frequency) ** 2).reshape(shape)
    return np.asarray(np.fft.irfftn(spectrum, image.shape), np.float32)

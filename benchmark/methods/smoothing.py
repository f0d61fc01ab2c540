"""Smoothing of volumes by a fixed number of millimetres."""

from __future__ import annotations

from torch import Tensor

#: Variance along each axis in mm².
VARIANCE = 8.0


def blurred(image: Tensor, spacing: float) -> Tensor:
    """Images (batch, 1, x, y, z), voxels of ``spacing`` mm, blurred by a variance of 8 mm² along each axis."""
    # One pass has a variance of half a squared voxel; where that is too much, it takes part by its share.
    wanted = 2 * VARIANCE / spacing**2
    smooth = image
    for _ in range(max(round(wanted), 1)):
        smooth = smoothed(smooth)
    return smooth if wanted >= 1 else image + wanted * (smooth - image)


def smoothed(image: Tensor) -> Tensor:
    """Images (batch, 1, x, y, z), smoothed with weights 1/4, 1/2, 1/4 along each axis; 0 outside of the grid."""
    # By shifted sums: a convolution of one channel is many times slower.
    for axis in (2, 3, 4):
        length = image.shape[axis] - 1
        after, before = image.narrow(axis, 1, length), image.narrow(axis, 0, length)
        image = image * 0.5
        image.narrow(axis, 0, length).add_(after, alpha=0.25)
        image.narrow(axis, 1, length).add_(before, alpha=0.25)
    return image

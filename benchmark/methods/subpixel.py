"""Rearrangement between space and channels, the 3D form of sub-pixel convolution (Shi et al., CVPR 2016).

Few channels at full resolution are what makes a 3D decoder slow; a convolution at half the resolution with
eight times the channels, rearranged, costs a fraction of it.
"""

from __future__ import annotations

from torch import Tensor, nn


def space_to_depth(volume: Tensor, factor: int) -> Tensor:
    """Move blocks of ``factor``³ voxels into channels.

    Parameters
    ----------
    volume
        Shape (batch, channel, x, y, z); x, y and z are multiples of ``factor``.
    factor
        Edge of a block in voxels.

    Returns
    -------
    Tensor
        Shape (batch, channel × factor³, x / factor, y / factor, z / factor).
    """
    b, c, x, y, z = volume.shape
    f = factor
    blocks = volume.reshape(b, c, x // f, f, y // f, f, z // f, f)
    return blocks.permute(0, 1, 3, 5, 7, 2, 4, 6).reshape(b, c * f**3, x // f, y // f, z // f)


def depth_to_space(features: Tensor, factor: int) -> Tensor:
    """Inverse of :func:`space_to_depth`."""
    b, c, x, y, z = features.shape
    f = factor
    k = c // f**3
    blocks = features.reshape(b, k, f, f, f, x, y, z)
    return blocks.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, k, x * f, y * f, z * f)


class SpaceToDepth(nn.Module):
    """Layer form of :func:`space_to_depth`."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, volume: Tensor) -> Tensor:
        """Shape (batch, channel, x, y, z) to (batch, channel × factor³, x / factor, …)."""
        return space_to_depth(volume, self.factor)

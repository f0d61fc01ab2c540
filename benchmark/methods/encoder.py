"""The 3D encoder that every method shares: volume to low-dimensional representation (LDR)."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint_sequential

from benchmark.methods.errors import MethodError
from benchmark.methods.subpixel import SpaceToDepth

#: Groups of the group normalisation; BatchNorm3d is several times slower on a CPU and mixes the scans of a batch.
GROUPS = 4


def channels_of(width: int, levels: int) -> list[int]:
    """Channels after each of the ``levels`` halvings of the grid; the first is the stem's eight sub-pixels.

    Raises
    ------
    MethodError
        If ``width`` is not a positive multiple of the normalisation's groups, or ``levels`` < 2.
    """
    if width < GROUPS or width % GROUPS:
        raise MethodError(f"width: {width} is not allowed; it must be a positive multiple of {GROUPS}")
    if levels < 2:
        raise MethodError(f"levels: {levels} is not allowed; it must be at least 2")
    return [8, *(width * 2**i for i in range(levels - 1))]


def bottom_shape(shape: tuple[int, int, int], levels: int) -> tuple[int, int, int]:
    """Grid after ``levels`` halvings.

    Raises
    ------
    MethodError
        If an axis of ``shape`` is not divisible by 2**levels.
    """
    factor = 2**levels
    if any(n % factor for n in shape):
        raise MethodError(
            f"volume shape {shape} does not fit the network: every axis must be a multiple of {factor} "
            f"(2**levels, levels={levels})"
        )
    return shape[0] // factor, shape[1] // factor, shape[2] // factor


class Encoder(nn.Module):
    """Strided 3D convolutions with group normalisation, then one linear layer.

    Parameters
    ----------
    shape
        Voxels of the volume along R, A, S.
    ldr_dim
        Length of the LDR.
    width
        Channels after the second halving; they double with every further one.
    levels
        How often the grid is halved.
    checkpointed
        Whether activations are computed again in the backward pass and not kept.
    """

    def __init__(
        self, shape: tuple[int, int, int], ldr_dim: int, width: int, levels: int, checkpointed: bool = False
    ) -> None:
        super().__init__()
        self.checkpointed = checkpointed
        channels = channels_of(width, levels)
        layers: list[nn.Module] = [SpaceToDepth(2)]
        for before, after in itertools.pairwise(channels):
            layers += [
                nn.Conv3d(before, after, 3, stride=2, padding=1),
                nn.GroupNorm(GROUPS, after),
                nn.SiLU(),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(channels[-1] * math.prod(bottom_shape(shape, levels)), ldr_dim)

    def forward(self, volume: Tensor) -> Tensor:
        """Volume of shape (batch, 1, x, y, z) to LDR of shape (batch, ldr_dim)."""
        if self.checkpointed and torch.is_grad_enabled():
            # The networks draw nothing, so that there is no random state to bring back.
            segments = len(self.features) // 3
            features = checkpoint_sequential(  # type: ignore[no-untyped-call]
                self.features, segments, volume, use_reentrant=False, preserve_rng_state=False
            )
        else:
            features = self.features(volume)
        ldr: Tensor = self.head(features.flatten(1))
        return ldr

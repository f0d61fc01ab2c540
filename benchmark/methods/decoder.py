"""The 3D decoder that every method shares; a style code, where there is one, modulates its features."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from benchmark.methods.encoder import GROUPS, bottom_shape, channels_of
from benchmark.methods.subpixel import depth_to_space


class FiLM(nn.Module):
    """Feature-wise linear modulation (Perez et al., AAAI 2018), the identity at initialisation.

    Parameters
    ----------
    style_dim
        Length of the style code.
    channels
        Channels of the features that are modulated.
    """

    def __init__(self, style_dim: int, channels: int) -> None:
        super().__init__()
        self.affine = nn.Linear(style_dim, 2 * channels)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """Features (batch, channel, x, y, z) scaled and shifted by the style (batch, style_dim)."""
        scale, shift = self.affine(style)[:, :, None, None, None].chunk(2, dim=1)
        modulated: Tensor = features * (1 + scale) + shift
        return modulated


class UpBlock(nn.Module):
    """Double the grid by a sub-pixel rearrangement, normalise, modulate, and convolve once."""

    def __init__(self, before: int, after: int, style_dim: int) -> None:
        super().__init__()
        self.expand = nn.Conv3d(before, after * 8, 1)
        self.norm = nn.GroupNorm(GROUPS, after)
        self.film = FiLM(style_dim, after) if style_dim else None
        self.conv = nn.Conv3d(after, after, 3, padding=1)
        self.norm_out = nn.GroupNorm(GROUPS, after)
        self.activation = nn.SiLU()

    def forward(self, features: Tensor, style: Tensor | None) -> Tensor:
        """Features (batch, before, x, y, z) to (batch, after, 2x, 2y, 2z)."""
        features = self.norm(depth_to_space(self.expand(features), 2))
        if self.film is not None and style is not None:
            features = self.film(features, style)
        activated: Tensor = self.activation(self.norm_out(self.conv(self.activation(features))))
        return activated


class Decoder(nn.Module):
    """Mirror of :class:`benchmark.methods.encoder.Encoder`.

    Parameters
    ----------
    shape, ldr_dim, width, levels
        As for the encoder.
    style_dim
        Length of the style code that modulates every block (FiLM); 0 for a decoder without one.
    checkpointed
        As for the encoder.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        ldr_dim: int,
        width: int,
        levels: int,
        style_dim: int = 0,
        checkpointed: bool = False,
    ) -> None:
        super().__init__()
        self.checkpointed = checkpointed
        channels = channels_of(width, levels)
        self.grid = bottom_shape(shape, levels)
        self.style_dim = style_dim
        self.stem = nn.Linear(ldr_dim, channels[-1] * math.prod(self.grid))
        downwards = channels[:0:-1]
        self.blocks = nn.ModuleList(
            UpBlock(before, after, style_dim) for before, after in itertools.pairwise(downwards)
        )
        # The last two doublings are one rearrangement: features at full resolution would cost most of the time.
        self.head_film = FiLM(style_dim, downwards[-1]) if style_dim else None
        self.head = nn.Conv3d(downwards[-1], 64, 1)

    def forward(self, ldr: Tensor, style: Tensor | None = None) -> Tensor:
        """LDR (batch, ldr_dim) and style code (batch, style_dim) to a volume (batch, 1, x, y, z)."""
        features: Tensor = self.stem(ldr).unflatten(1, (-1, *self.grid))
        for block in self.blocks:
            if self.checkpointed and torch.is_grad_enabled():
                features = checkpoint(block, features, style, use_reentrant=False, preserve_rng_state=False)
            else:
                features = block(features, style)
        if self.head_film is not None and style is not None:
            features = self.head_film(features, style)
        return depth_to_space(self.head(features), 4)

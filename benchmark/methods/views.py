"""Another scanner's view of a scan: the same brain with other contrast, shading, blur and noise."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

#: Standard deviations at strength 1: log of gamma, bend of the tone curve, control points of the field.
GAMMA, BEND, BIAS = 0.18, 0.05, 0.3
#: At strength 1: largest noise, as a share of the volume's range, and range of the blur's weight (below 0: sharper).
NOISE, BLUR = 0.03, (-0.5, 0.7)
#: Control points of the bias field along x, y and z.
BIAS_POINTS = (4, 5, 4)


def acquisition_views(volume: Tensor, rows: Tensor, epoch: int, seed: int, strength: float = 1.0) -> Tensor:
    """Change how each scan looks, and nothing of where anything is.

    A tone curve (gamma and a smooth bend), a smooth multiplicative field, a little blur or sharpening and Gaussian
    noise, then the normalisation to mean 0 and SD 1 inside the mask again, as preprocessing does. These are the usual
    intensity augmentations of MR images (Pérez-García et al., torchio, 2021; the tone curve after Zhou et al.,
    Models Genesis, 2021), drawn over a wide range. They know no site, but they imitate four families of scanner
    effects: contrast (tone curve), bias (field), resolution (blur) and noise, close to how the phantom makes them
    (docs/method.md). None imitates gradient non-linearity, motion, mask errors, registration residue or quantisation.

    Parameters
    ----------
    volume
        Shape (batch, 1, x, y, z); 0 outside of the mask.
    rows
        Row of each scan in the scans table, shape (batch,).
    epoch, seed
        What is drawn for a scan depends on (seed, epoch, row) alone, not on its batch, worker or rank.
    strength
        Factor on every spread; 0 returns the normalised volume.

    Returns
    -------
    Tensor
        Shape (batch, 1, x, y, z), 0 outside of the mask.
    """
    draws = [_draw(volume, int(row), epoch, seed) for row in rows]
    gamma, bend, bias_scale, blur, noise_scale = torch.stack([numbers for numbers, _, _ in draws]).T.reshape(
        5, -1, 1, 1, 1, 1
    )
    field = functional.interpolate(
        torch.stack([points for _, points, _ in draws]), volume.shape[2:], mode="trilinear", align_corners=True
    )
    noise = torch.stack([values for _, _, values in draws])
    inside = volume != 0
    low, high = volume.amin((1, 2, 3, 4), keepdim=True), volume.amax((1, 2, 3, 4), keepdim=True)
    image = ((volume - low) / (high - low).clamp_min(1e-6)).clamp_min(1e-4)
    image = torch.exp(torch.log(image) * torch.exp(strength * GAMMA * gamma))
    image = image + strength * BEND * bend * torch.sin(2 * torch.pi * image)
    image = image * torch.exp(strength * BIAS * bias_scale * field) * inside
    image = image + strength * (BLUR[0] + (BLUR[1] - BLUR[0]) * blur) * (_smoothed(image) - image)
    image = image + strength * NOISE * noise_scale * noise
    return _normalised(image, inside)


def _draw(volume: Tensor, row: int, epoch: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    digest = hashlib.sha256(f"view/{seed}/{epoch}/{row}".encode()).digest()
    generator = torch.Generator(volume.device).manual_seed(int.from_bytes(digest[:7], "big"))
    options: dict[str, Any] = {"generator": generator, "device": volume.device, "dtype": volume.dtype}
    normal, uniform = torch.randn(2, **options), torch.rand(3, **options)
    points = torch.randn(1, *BIAS_POINTS, **options)
    return torch.cat([normal, uniform]), points, torch.randn(volume.shape[1:], **options)


def _smoothed(image: Tensor) -> Tensor:
    # Weights 1/4, 1/2, 1/4 along each axis, by shifted sums: a convolution of one channel is many times slower.
    for axis in (2, 3, 4):
        length = image.shape[axis] - 1
        after, before = image.narrow(axis, 1, length), image.narrow(axis, 0, length)
        image = image * 0.5
        image.narrow(axis, 0, length).add_(after, alpha=0.25)
        image.narrow(axis, 1, length).add_(before, alpha=0.25)
    return image


def _normalised(image: Tensor, inside: Tensor) -> Tensor:
    count = inside.sum((1, 2, 3, 4), keepdim=True).clamp_min(1)
    mean = (image * inside).sum((1, 2, 3, 4), keepdim=True) / count
    centred = (image - mean) * inside
    spread = (centred.square().sum((1, 2, 3, 4), keepdim=True) / count).sqrt()
    return centred / spread.clamp_min(1e-6)

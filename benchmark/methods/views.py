"""Another scanner's view of a scan: the same brain with another look, a little elsewhere, in another mask."""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.methods.errors import MethodError
from benchmark.methods.smoothing import blurred

#: Standard deviations at strength 1: log of gamma, bend of the tone curve, log of the bias field at its control points.
GAMMA, BEND, BIAS = 0.18, 0.05, 0.3
#: Range of the blur's weight; below 0: sharper.
BLUR = (-0.5, 0.7)
#: Largest noise of a voxel of 4 mm, as a share of the volume's range; it falls with the root of the voxel's volume.
NOISE, NOISE_VOXEL = 0.03, 4.0
#: Standard deviations of shift in mm, rotation in degrees, size and shear as shares; largest smooth displacement in mm.
SHIFT, ROTATION, STRETCH, WARP = 1.0, 1.0, 0.01, 1.5
#: Control points of the smooth fields along x, y and z.
POINTS = (4, 5, 4)
#: A voxel belongs to a view's mask where the blurred mask is above a level: at strength 0 a half, at strength 1 uniform
#: in this range, plus a smooth field of this standard deviation, and never above the last.
MASK_LEVEL, MASK_FIELD, MASK_HIGHEST = (0.35, 0.95), 0.15, 0.97


@dataclass(frozen=True)
class Views:
    """How strongly views of a scan differ from it, by family of scanner effects; 0 switches a family off.

    Attributes
    ----------
    contrast
        Tone curve: gamma and a smooth bend.
    bias
        Smooth multiplicative field.
    resolution
        A little blur or sharpening, in mm.
    noise
        Gaussian noise.
    registration
        Shift, rotation, size and shear, in mm, degrees and shares.
    gradient
        Smooth displacement, in mm.
    mask
        Mask too tight, all around and in places; nothing is known of what lies outside a mask.

    Raises
    ------
    MethodError
        For a negative strength.
    """

    contrast: float = 1.0
    bias: float = 1.0
    resolution: float = 1.0
    noise: float = 1.0
    registration: float = 1.0
    gradient: float = 1.0
    mask: float = 1.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < math.inf:
                raise MethodError(f"blocks.views.{name}: {value} is not allowed; it must be at least 0")

    def of(self, volume: Tensor, rows: Tensor, epoch: int, seed: int, spacing: float) -> Tensor:
        """Change how each scan looks and, by about a millimetre, where it lies and where its mask ends.

        The usual augmentations of MR images (Pérez-García et al., Comput Methods Programs Biomed 2021; the tone curve
        after Zhou et al., Models Genesis, Med Image Anal 2021), over wide ranges: geometry and mask first, then
        tone curve, field, blur and noise, then the normalisation to mean 0 and SD 1 inside the mask again, as
        preprocessing does. They know no site. Each imitates a family of scanner effects; none imitates motion or
        quantisation.

        Parameters
        ----------
        volume
            Shape (batch, 1, x, y, z); 0 outside of the mask.
        rows
            Row of each scan in the scans table, shape (batch,).
        epoch, seed
            What is drawn for a scan depends on (seed, epoch, row) and the family alone, not on batch, worker or rank.
        spacing
            Edge of a voxel in mm.

        Returns
        -------
        Tensor
            Shape (batch, 1, x, y, z), 0 outside of the view's mask.
        """
        draw = _Draws(volume, rows, epoch, seed)
        image, inside = self._moved(volume, draw, spacing)
        low, high = image.amin((1, 2, 3, 4), keepdim=True), image.amax((1, 2, 3, 4), keepdim=True)
        image = ((image - low) / (high - low).clamp_min(1e-6)).clamp_min(1e-4)
        if self.contrast:
            tone = draw.normal("contrast", 2)
            image = torch.exp(torch.log(image) * torch.exp(self.contrast * GAMMA * _column(tone, 0)))
            image = image + self.contrast * BEND * _column(tone, 1) * torch.sin(2 * torch.pi * image)
        if self.bias:
            field = draw.field("bias", 1) * _column(draw.uniform("bias range", 1), 0)
            image = image * torch.exp(self.bias * BIAS * field)
        image = image * inside
        if self.resolution:
            weight = BLUR[0] + (BLUR[1] - BLUR[0]) * _column(draw.uniform("resolution", 1), 0)
            image = image + self.resolution * weight * (blurred(image, spacing) - image)
        if self.noise:
            scale = self.noise * NOISE * min((NOISE_VOXEL / spacing) ** 1.5, 3.0)
            image = image + scale * _column(draw.uniform("noise range", 1), 0) * draw.noise("noise")
        return _normalised(image, inside)

    def _moved(self, volume: Tensor, draw: _Draws, spacing: float) -> tuple[Tensor, Tensor]:
        """Volumes in other places and masks, and these masks."""
        inside = volume != 0
        if not (self.registration or self.gradient or self.mask):
            return volume, inside
        head, share = volume, inside.to(volume)
        if self.registration or self.gradient:
            grid = self._grid(volume, draw, spacing)
            both = functional.grid_sample(torch.cat([volume, share], 1), grid, mode="bilinear", align_corners=True)
            # Of what a voxel is made of, the part that lies in the mask.
            head, share = both[:, :1] / both[:, 1:].clamp_min(0.5), both[:, 1:]
        kept = share > 0.5
        if self.mask:
            level = _column(draw.uniform("mask level", 1), 0) * (MASK_LEVEL[1] - MASK_LEVEL[0]) + MASK_LEVEL[0]
            level = 0.5 + self.mask * (level + MASK_FIELD * draw.field("mask", 1) - 0.5)
            kept = kept & (blurred(share, spacing) > level.clamp_max(MASK_HIGHEST))
        return head * kept, kept

    def _grid(self, volume: Tensor, draw: _Draws, spacing: float) -> Tensor:
        """Where each voxel is taken from, shape (batch, x, y, z, 3), in the coordinates of ``grid_sample``."""
        size = torch.tensor(volume.shape[2:]).to(volume)
        axes = [
            torch.arange(float(n), device=volume.device, dtype=volume.dtype) - (n - 1) / 2 for n in volume.shape[2:]
        ]
        places = torch.stack(torch.meshgrid(*axes, indexing="ij")) * spacing
        numbers = self.registration * draw.normal("registration", 12)
        turn = torch.deg2rad(ROTATION * numbers[:, :3])
        matrix = torch.diag_embed(1 + STRETCH * numbers[:, 3:6])
        for number, (row, column) in enumerate([(0, 1), (0, 2), (1, 2)]):
            matrix[:, row, column] += STRETCH * numbers[:, 6 + number]
            # Small rotations: of first order, as the angles are.
            matrix[:, row, column] -= turn[:, number]
            matrix[:, column, row] += turn[:, number]
        moved = torch.einsum("bij,jxyz->bixyz", matrix, places) + SHIFT * numbers[:, 9:, None, None, None]
        if self.gradient:
            strength = self.gradient * WARP * _column(draw.uniform("gradient range", 1), 0)
            moved = moved + strength * draw.field("gradient", 3)
        unit = moved / (spacing * (size - 1) / 2)[:, None, None, None]
        return unit.permute(0, 2, 3, 4, 1).flip(-1)


class _Draws:
    """Random numbers of the scans of a batch, by name."""

    def __init__(self, volume: Tensor, rows: Tensor, epoch: int, seed: int) -> None:
        self.volume, self.rows, self.epoch, self.seed = volume, rows, epoch, seed

    def normal(self, name: str, count: int) -> Tensor:
        """Shape (batch, count)."""
        return self._each(name, torch.randn, (count,))

    def uniform(self, name: str, count: int) -> Tensor:
        """In [0, 1), shape (batch, count)."""
        return self._each(name, torch.rand, (count,))

    def field(self, name: str, axes: int) -> Tensor:
        """Smooth fields, standard normal at their control points, shape (batch, axes, x, y, z)."""
        points = self._each(name, torch.randn, (axes, *POINTS))
        return functional.interpolate(points, self.volume.shape[2:], mode="trilinear", align_corners=True)

    def noise(self, name: str) -> Tensor:
        """Shape (batch, 1, x, y, z)."""
        return self._each(name, torch.randn, tuple(self.volume.shape[1:]))

    def _each(self, name: str, draw: Any, shape: tuple[int, ...]) -> Tensor:
        drawn = []
        for row in self.rows.tolist():
            digest = hashlib.sha256(f"view/{name}/{self.seed}/{self.epoch}/{row}".encode()).digest()
            generator = torch.Generator(self.volume.device).manual_seed(int.from_bytes(digest[:7], "big"))
            drawn.append(draw(shape, generator=generator, device=self.volume.device, dtype=self.volume.dtype))
        return torch.stack(drawn)


def _column(numbers: Tensor, index: int) -> Tensor:
    return numbers[:, index, None, None, None, None]


def _normalised(image: Tensor, inside: Tensor) -> Tensor:
    count = inside.sum((1, 2, 3, 4), keepdim=True).clamp_min(1)
    mean = (image * inside).sum((1, 2, 3, 4), keepdim=True) / count
    centred = (image - mean) * inside
    spread = (centred.square().sum((1, 2, 3, 4), keepdim=True) / count).sqrt()
    return centred / spread.clamp_min(1e-6)

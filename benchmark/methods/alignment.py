"""Affine alignment of volumes to a template, in closed steps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.methods.smoothing import blurred

#: Edge in mm of the blocks of voxels that the steps see, at most; the alignment is applied to the voxels themselves.
BLOCK = 10.0
#: Steps of least squares. What registration to a template leaves takes two or three.
STEPS = 4
#: In mm, about that of a head: what a rotation or stretch moves is measured there, so that it is alike to a shift.
RADIUS = 70.0
#: Standard deviation in mm of motions that are expected: shifts, and the others at that radius.
EXPECTED = 5.0
#: Blocks over which what a template does not explain is alike, so that they count as one.
ALIKE = 8.0


def align(
    volume: Tensor, mask: Tensor, template: Tensor, weight: Tensor, spacing: float, steps: int = STEPS
) -> tuple[Tensor, Tensor]:
    """Shift, turn, stretch and shear volumes until they are nearest to a template.

    By Gauss-Newton steps on the squared differences, with the template's gradients for those of the volumes (Friston et
    al., Human Brain Mapping 3, 1995), and with a prior on motions, so that a scan stays where it is as far as the
    template does not explain it (Ashburner et al., NeuroImage 6, 1997; here independent, of one width). Where a mask
    ends, nothing pulls. The contrasts of volumes and template have to be alike.

    Parameters
    ----------
    volume
        Shape (batch, x, y, z).
    mask
        Of bool, the same shape.
    template
        Shape (x, y, z).
    weight
        What each voxel of the template counts, in [0, 1], shape (x, y, z).
    spacing
        Edge of a voxel in mm.
    steps
        Number of steps; 0 to leave volumes where they are.

    Returns
    -------
    tuple of torch.Tensor
        Volumes in their new places, by trilinear interpolation within the mask, and their masks, both (batch, x, y, z).
    """
    motion = volume.new_zeros(len(volume), 3, 4)
    share = mask.to(volume)
    block = next(
        size for size in range(max(int(BLOCK / spacing + 1e-9), 1), 0, -1) if not any(n % size for n in template.shape)
    )
    coarse = spacing * block
    seen, kept, target, counts = (
        functional.avg_pool3d(part[:, None], block)
        for part in (torch.where(mask, volume, template), share, template[None], weight[None])
    )
    smooth = blurred(target, coarse)
    slopes = _slopes(smooth[0, 0], coarse)
    for _ in range(steps):
        both = moved_by(motion, torch.cat([seen, kept], dim=1), coarse)
        shown = both[:, 1:] > 0.5
        difference = (blurred(torch.where(shown, both[:, :1], target), coarse) - smooth).flatten(1)
        weights = (shown * counts).flatten(1)
        unexplained = (weights * difference.square()).sum(dim=1) / weights.sum(dim=1).clamp_min(1)
        prior = (ALIKE * unexplained / EXPECTED**2).clamp_min(torch.finfo(volume.dtype).tiny)[:, None]
        curvature = torch.einsum("bv,iv,jv->bij", weights, slopes, slopes) + torch.diag_embed(prior.expand(-1, 12))
        pull = (difference * weights) @ slopes.T + prior * motion.flatten(1)
        motion = motion - torch.linalg.solve(curvature, pull).view(-1, 3, 4)
    values, inside = moved_by(motion, torch.stack([volume * share, share], dim=1), spacing).unbind(dim=1)
    shown = inside > 0.5
    return torch.where(shown, values / inside.clamp_min(0.5), 0.0), shown


def moved_by(motion: Tensor, images: Tensor, spacing: float) -> Tensor:
    """Images (batch, channel, x, y, z) moved by affine motions, with 0 from beyond the grid.

    Parameters
    ----------
    motion
        Shape (batch, 3, 4): along each of x, y and z, where a voxel is taken from, a shift in mm and by how many mm it
        grows with x, y and z at a distance of 70 mm from the centre.
    images
        Images.
    spacing
        Edge of a voxel in mm.
    """
    places = _places(images.shape[2:], spacing, images)
    taken = places + torch.einsum("bij,jxyz->bixyz", motion[:, :, 1:] / RADIUS, places)
    taken = taken + motion[:, :, 0, None, None, None]
    half = torch.tensor([spacing * (n - 1) / 2 for n in images.shape[2:]]).to(images)
    grid = (taken / half[:, None, None, None]).permute(0, 2, 3, 4, 1).flip(-1)
    return functional.grid_sample(images, grid, mode="bilinear", align_corners=True)


def _places(shape: torch.Size, spacing: float, like: Tensor) -> Tensor:
    """Of every voxel in mm from the centre, shape (3, x, y, z)."""
    axes = [torch.arange(n, dtype=like.dtype, device=like.device) - (n - 1) / 2 for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")) * spacing


def _slopes(template: Tensor, spacing: float) -> Tensor:
    """How an image changes with each of the twelve numbers of a motion, shape (12, voxel)."""
    gradients = torch.gradient(template, spacing=spacing)
    places = _places(template.shape, spacing, template) / RADIUS
    return torch.stack([slope * by for slope in gradients for by in (torch.ones_like(slope), *places)]).flatten(1)

"""Volumes without shading and with equalised intensities: what a scan keeps whatever its contrast, found by itself."""

from __future__ import annotations

import torch
from torch import Tensor

#: Bins of the histogram.
BINS = 4096


def deshaded(volume: Tensor, mask: Tensor, sigma: float) -> Tensor:
    """Volumes less a strongly smoothed version of themselves.

    So homomorphic filtering and N4 take a smooth field for shading (Sled et al., IEEE Trans Med Imaging 1998); here it
    is additive, as volumes are standardised.

    Parameters
    ----------
    volume
        Shape (batch, x, y, z).
    mask
        Of bool, the same shape.
    sigma
        Standard deviation of the smoothing in voxels.

    Returns
    -------
    torch.Tensor
        Shape (batch, x, y, z); outside the mask as given.
    """
    return volume - masked_smooth(volume, mask, sigma)


def masked_smooth(volume: Tensor, mask: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing that sees the voxels of a mask alone (normalised convolution, Knutsson & Westin, CVPR 1993).

    Parameters
    ----------
    volume
        Shape (batch, x, y, z).
    mask
        Of bool, the same shape.
    sigma
        Standard deviation in voxels.

    Returns
    -------
    torch.Tensor
        Shape (batch, x, y, z): mean of the mask's voxels around each of them, weighted by distance; 0 outside.
    """
    inside = mask.to(volume.dtype)
    values, weight = _smooth(volume * inside, sigma), _smooth(inside, sigma)
    # A voxel of the mask has at least its own weight.
    return torch.where(mask, values / weight.clamp_min(torch.finfo(volume.dtype).tiny), 0.0)


def equalise(volume: Tensor, mask: Tensor) -> Tensor:
    """Share of a scan's masked voxels that are darker, less one half, by a histogram of equal bins.

    Parameters
    ----------
    volume
        Shape (batch, x, y, z).
    mask
        Of bool, the same shape.

    Returns
    -------
    torch.Tensor
        Shape (batch, x, y, z), in [-0.5, 0.5]; a bin's own voxels count half, so that the mean is 0; 0 outside.
    """
    flat, inside = volume.flatten(1), mask.flatten(1)
    low = flat.masked_fill(~inside, torch.inf).amin(dim=1, keepdim=True)
    high = flat.masked_fill(~inside, -torch.inf).amax(dim=1, keepdim=True)
    width = (high - low).clamp_min(torch.finfo(flat.dtype).tiny)
    # Whatever lies outside goes into a bin of its own, after all others.
    bins = ((flat - low) / width * BINS).clamp(0, BINS - 1).long().masked_fill(~inside, BINS)
    counts = torch.zeros(len(flat), BINS + 1, dtype=torch.int64, device=flat.device)
    counts.scatter_add_(1, bins, torch.ones_like(bins))
    counts[:, BINS] = 0
    total = counts.sum(dim=1, keepdim=True).clamp_min(1)
    ranks = (counts.cumsum(dim=1).to(flat.dtype) - counts.to(flat.dtype) / 2) / total - 0.5
    return (ranks.gather(1, bins) * inside).view_as(volume)


def _smooth(volume: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing of (batch, x, y, z) with zeros around it: a matrix product for each axis."""
    kernels = []
    for size in volume.shape[1:]:
        place = torch.arange(size, dtype=volume.dtype, device=volume.device)
        kernels.append(torch.exp(-0.5 * ((place[:, None] - place[None, :]) / sigma) ** 2))
    along_x = (kernels[0] @ volume.flatten(2)).view_as(volume)
    return kernels[1] @ along_x @ kernels[2]

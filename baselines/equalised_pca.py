"""Principal components of de-shaded, histogram-equalised voxels: a control row that undoes contrast by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.principal_components import PrincipalComponents
from benchmark.methods.representation import Batch

#: Standard deviation of the Gaussian that finds the shading, as a share of the grid's longest axis (19 mm of 192).
SHADING = 0.1

#: Likewise of the Gaussian that smooths the equalised voxels (6 mm of 192).
SMOOTHING = 1 / 32

#: Bins of the histogram.
BINS = 4096


class EqualisedPCA(PrincipalComponents):
    """Leading principal components of voxels after shading and histogram were taken out of each scan by itself.

    Within the mask, in this order: subtract a strongly smoothed version of the volume, as homomorphic filtering and
    N4 take a smooth field for shading (Sled et al., IEEE Trans Med Imaging 1998; here additive, as volumes are
    standardised); replace each voxel by its rank within the scan (histogram equalisation, which no monotonic
    change of contrast survives; Gonzalez & Woods, Digital image processing, ch. 3); smooth mildly. Nothing is learned
    but the components, and no scan needs to know of another or of its site.
    """

    def features(self, batch: Batch) -> Tensor:
        """Equalised voxels, in [-0.5, 0.5] and 0 outside the mask, shape (batch, voxel)."""
        volume = batch["volume"][:, 0]
        mask = volume != 0
        longest = max(volume.shape[1:])
        shading = masked_smooth(volume, mask, SHADING * longest)
        equalised = equalise(volume - shading, mask)
        return masked_smooth(equalised, mask, SMOOTHING * longest).flatten(1)

    def notes(self) -> dict[str, str]:
        """That the row is a control."""
        return {"control": "a control without a network: de-shaded, histogram-equalised voxels"}


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

"""How close a reconstruction is to its volume, inside the mask."""

from __future__ import annotations

import torch
from torch import Tensor

#: Names of the columns that :func:`reconstruction_quality` gives, in order.
QUALITIES = ("rec_rmse", "rec_psnr", "rec_ssim")

#: Edge of the cubic window of SSIM in voxels, and the constants of Wang et al.
WINDOW, K1, K2 = 7, 0.01, 0.03


def reconstruction_quality(reconstruction: Tensor, volume: Tensor) -> Tensor:
    """Root mean squared error, peak signal-to-noise ratio and structural similarity of each scan.

    All are means over the mask, which is where the volume is not 0 (everywhere, for volumes without a mask), and
    take as data range the range of the volume inside it. With the error e = reconstruction - volume:
    RMSE = sqrt(mean e²), in normalised intensity, 0 is best; PSNR = 20 log10(range / RMSE) in dB, higher is better;
    SSIM (Wang et al., IEEE TIP 2004) of cubic windows of 7 voxels with equal weights and population variances (the
    paper has a Gaussian window in 2D; cut off at the edge of the volume), at most 1, higher is better.

    Parameters
    ----------
    reconstruction, volume
        Shape (batch, 1, x, y, z).

    Returns
    -------
    Tensor
        Shape (batch, 3), in the order of :data:`QUALITIES`; a perfect reconstruction has a PSNR of infinity.
    """
    inside = (volume != 0).flatten(1)
    count = inside.sum(dim=1).clamp_min(1)
    error = ((reconstruction - volume).square().flatten(1) * inside).sum(dim=1) / count
    high = volume.flatten(1).masked_fill(~inside, -torch.inf).amax(dim=1)
    low = volume.flatten(1).masked_fill(~inside, torch.inf).amin(dim=1)
    span = (high - low).clamp_min(torch.finfo(volume.dtype).tiny)
    similarity = structural_similarity(reconstruction, volume, span)
    ssim = (similarity.flatten(1) * inside).sum(dim=1) / count
    return torch.stack([error.sqrt(), 20 * torch.log10(span / error.sqrt()), ssim], dim=1)


def structural_similarity(one: Tensor, other: Tensor, span: Tensor) -> Tensor:
    """Map of structural similarity, shape (batch, 1, x, y, z), for data ranges of shape (batch,)."""
    c1 = (K1 * span.view(-1, 1, 1, 1, 1)).square()
    c2 = (K2 * span.view(-1, 1, 1, 1, 1)).square()
    mean_one, mean_other = _window_mean(one), _window_mean(other)
    variance_one = _window_mean(one.square()) - mean_one.square()
    variance_other = _window_mean(other.square()) - mean_other.square()
    covariance = _window_mean(one * other) - mean_one * mean_other
    return ((2 * mean_one * mean_other + c1) * (2 * covariance + c2)) / (
        (mean_one.square() + mean_other.square() + c1) * (variance_one + variance_other + c2)
    )


def _window_mean(image: Tensor) -> Tensor:
    # Axis by axis, by adding shifted copies: a window of 7 cubed in one go costs a hundred times as much, and pooling
    # along one axis eight times.
    for axis in (2, 3, 4):
        size = image.shape[axis]
        # The largest odd window that a volume of fewer voxels has room for.
        reach = min(WINDOW, size - 1 + size % 2) // 2
        total = image.clone()
        for shift in range(1, reach + 1):
            total.narrow(axis, 0, size - shift).add_(image.narrow(axis, shift, size - shift))
            total.narrow(axis, shift, size - shift).add_(image.narrow(axis, 0, size - shift))
        place = torch.arange(size, device=image.device)
        within = (place + reach + 1).clamp(max=size) - (place - reach).clamp(min=0)
        image = total / within.to(image.dtype).view([-1 if each == axis else 1 for each in range(5)])
    return image

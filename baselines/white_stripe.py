"""WhiteStripe: intensities in units of normal-appearing white matter."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.normalised_images import Normaliser

#: Share of the mask's voxels on each side of the white matter's peak that make the stripe.
WIDTH = 0.05
#: Brighter voxels than this share of all are left out where the peak is looked for.
TAIL = 0.96
#: Bins of the histogram, and places that its smoothed form is looked at.
BINS, PLACES = 1024, 80


class WhiteStripe(Normaliser):
    """Mean 0 and SD 1 of the voxels around the brightest peak of a T1 scan's histogram (Shinohara et al., 2014).

    The peak is the last maximum of a Gaussian kernel density (Scott's bandwidth) of the voxels below the 96th
    percentile. Departure from the paper (NeuroImage: Clinical 6:9), which smooths the histogram by a penalised spline.
    """

    def forward(self, volume: Tensor) -> Tensor:
        """Volumes whose white matter has mean 0 and SD 1, 0 outside of the mask."""
        return torch.stack([_striped(scan) for scan in volume])


def _striped(volume: Tensor) -> Tensor:
    inside = volume != 0
    values = volume[inside]
    peak = _last_peak(values)
    place = (values < peak).double().mean()
    bounds = torch.stack([(place - WIDTH).clamp_min(0), (place + WIDTH).clamp_max(1)]).to(values)
    low, high = torch.quantile(values, bounds)
    stripe = values[(values > low) & (values < high)]
    if len(stripe) < 2:
        stripe = values
    return (volume - stripe.mean()) / stripe.std(correction=0).clamp_min(1e-6) * inside


def _last_peak(values: Tensor) -> Tensor:
    """Last maximum of the smoothed histogram; its highest place where none is inside."""
    valid = values[values <= torch.quantile(values, TAIL)].double()
    low, high = valid.min(), valid.max()
    counts = torch.histc(valid, BINS, float(low), float(high))
    middles = low + (torch.arange(BINS, device=valid.device) + 0.5) * (high - low) / BINS
    width = valid.std() * len(valid) ** -0.2
    places = torch.linspace(float(low), float(high), PLACES, device=valid.device, dtype=torch.float64)
    density = torch.exp(-0.5 * ((places[:, None] - middles) / width) ** 2) @ counts
    peaks = torch.nonzero((density[1:-1] > density[:-2]) & (density[1:-1] > density[2:]))[:, 0] + 1
    return places[peaks[-1]] if len(peaks) else places[density.argmax()]

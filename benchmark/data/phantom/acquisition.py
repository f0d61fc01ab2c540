"""A scanner's view of a brain: contrast, shading, blur and noise that differ by site and from scan to scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmark.data.phantom.anatomy import Tissue
from benchmark.data.phantom.fields import smooth_field
from benchmark.data.phantom.settings import PhantomSettings
from benchmark.seeds import generator

#: Mean intensity of grey matter, white matter and CSF before anything differs.
TISSUE_MEANS = np.array([0.62, 0.95, 0.22])
#: Standard deviations between sites and between scans of a site, at strength 1: tissue means, log gamma, relative
#: bias field, log of the blur's width, log of the noise's level.
BETWEEN_SITES = {"mean": 0.050, "gamma": 0.080, "bias": 0.060, "blur": 0.20, "noise": 0.20}
WITHIN_SITE = {"mean": 0.070, "gamma": 0.105, "bias": 0.080, "blur": 0.25, "noise": 0.20}
#: Typical blur (SD in mm) and noise (SD relative to an intensity of 1).
BLUR_MM, NOISE = 1.8, 0.025
#: Control points of the bias fields.
BIAS_POINTS = (4, 5, 4)


@dataclass(frozen=True)
class Acquisition:
    """How one scan was acquired.

    Attributes
    ----------
    grey, white, csf
        Mean intensities of the tissues.
    gamma
        Exponent applied to the intensities.
    blur
        Standard deviation of the Gaussian blur in mm.
    noise
        Standard deviation of the Rician noise, relative to an intensity of 1.
    bias
        Log bias field, shape (x, y, z).
    """

    grey: float
    white: float
    csf: float
    gamma: float
    blur: float
    noise: float
    bias: NDArray[np.float32]

    def truth(self) -> dict[str, float]:
        """Columns of the truth table."""
        names = ("grey", "white", "csf", "gamma", "blur", "noise")
        return {f"acq_{name}": float(getattr(self, name)) for name in names} | {"acq_bias_sd": float(self.bias.std())}


def acquisition(settings: PhantomSettings, site: str, scan_key: str) -> Acquisition:
    """Draw a scan's acquisition around its site's; nothing depends on other scans."""
    of_site = _draw(settings, settings.site_strength, BETWEEN_SITES, "site", site)
    of_scan = _draw(settings, settings.within_site, WITHIN_SITE, "scan", scan_key)
    means = TISSUE_MEANS + of_site[0] + of_scan[0]
    log_gamma, log_blur, log_noise = of_site[1] + of_scan[1]
    return Acquisition(
        grey=means[0],
        white=means[1],
        csf=max(means[2], 0.02),
        gamma=float(np.exp(log_gamma)),
        blur=BLUR_MM * float(np.exp(log_blur)),
        noise=NOISE * float(np.exp(log_noise)),
        bias=of_site[2] + of_scan[2],
    )


def _draw(
    settings: PhantomSettings, strength: float, spread: dict[str, float], *axes: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    rng = generator(settings.seed, "acquisition", *axes)
    means = strength * spread["mean"] * rng.standard_normal(3)
    logs = strength * np.array([spread["gamma"], spread["blur"], spread["noise"]]) * rng.standard_normal(3)
    bias = np.float32(strength * spread["bias"]) * smooth_field(rng, settings.shape, BIAS_POINTS)[0]
    return means, logs, bias


def acquire(settings: PhantomSettings, brain: Tissue, scan: Acquisition, scan_key: str) -> NDArray[np.uint16]:
    """Image of a brain, skull-stripped, shape (x, y, z).

    The 99th percentile inside the mask is scaled to 2000, as a pipeline would; site effects survive that.
    """
    image = brain.grey * scan.grey + brain.white * scan.white + brain.csf * scan.csf
    image = np.clip(image, 0, None) ** scan.gamma * np.exp(scan.bias)
    image = gaussian_filter(image, scan.blur / settings.spacing)
    rng = generator(settings.seed, "noise", scan_key)
    real, imaginary = scan.noise * rng.standard_normal((2, *image.shape)).astype(np.float32)
    image = np.sqrt((image + real) ** 2 + imaginary**2) * brain.brain
    scale = 2000 / np.percentile(image[brain.brain], 99)
    return np.asarray(np.round(np.clip(image * scale, 0, 65535)), np.uint16)

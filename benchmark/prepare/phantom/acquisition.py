"""A scanner's view of a brain: how one scan was made, and the image that comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmark.prepare.phantom.brain import STRUCTURES, Brain
from benchmark.prepare.phantom.contrast import REFERENCE, draw_protocol, signals
from benchmark.prepare.phantom.families import Family, family
from benchmark.prepare.phantom.fields import smooth_field
from benchmark.prepare.phantom.geometry import displacement, rms
from benchmark.prepare.phantom.kspace import blurred, moved
from benchmark.prepare.phantom.masks import MaskError, found_mask, mask_error
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.sites import SITES
from benchmark.seeds import generator

#: Standard deviations of the log of a structure's signal, and of the log of the contrast as a whole, between scans of a
#: scanner (transmit field, position, temperature); of the surroundings' signal between scanners. Our choice.
SIGNAL_JITTER, CONTRAST_JITTER, HEAD_SPREAD = 0.02, 0.06, 0.25
#: Log of the shading that N4 leaves, standard deviations: smooth and finer, of a scanner; smooth, of a scan. Of raw
#: shading of 0.15, N4 leaves 0.05 to 0.07 on heads of this phantom; most of that is not the rest of the shading but
#: what N4 takes for shading in the anatomy, which depends on the contrast.
BIAS_SITE, BIAS_FINE, BIAS_SCAN = 0.045, 0.02, 0.03
BIAS_POINTS, FINE_POINTS = (4, 5, 4), (7, 8, 7)
#: Noise of a voxel of 1 mm relative to white matter (a signal-to-noise ratio of 22), and standard deviations of its log
#: between scanners and scans. Our choice.
NOISE, NOISE_SITE, NOISE_SCAN = 0.045, 0.3, 0.15
#: Full widths in mm of the resolution in plane and across slices (1 to 1.5 mm in ADNI, OASIS and PPMI), and standard
#: deviations of their log between scanners; of a common factor between scans.
IN_PLANE, ACROSS, PLANE_SPREAD, ACROSS_SPREAD, BLUR_SCAN = 1.1, 1.4, 0.15, 0.35, 0.1
#: Median shift by motion in mm and the standard deviation of its log between scans (Reuter et al., NeuroImage 2015,
#: and Savalia et al., Human Brain Mapping 2017, for what it does to T1 volumes); between scanners.
MOTION_MM, MOTION_SCAN, MOTION_SITE = 0.5, 0.7, 0.2
#: Bits of the grey levels that a scanner stores an image with, between 0 and twice the signal of white matter, and how
#: far scanners lie from that.
BITS, BITS_RANGE = 10.0, 2.0
FWHM = 2.355


@dataclass(frozen=True)
class Acquisition:
    """How one scan was made.

    Attributes
    ----------
    signal
        Of every structure, relative to white matter, shape (structure,).
    bias
        Log of the shading, shape (x, y, z).
    blur
        Standard deviations of the blur along x, y and z in mm.
    noise
        Standard deviation of the noise of a voxel of the grid, relative to white matter.
    displacement
        In mm, shape (axis, x, y, z); None for none.
    motion
        Standard deviation of the head's shifts in mm.
    mask
        What is wrong with the mask.
    levels
        Grey levels; 0 for as many as there are.
    """

    signal: NDArray[np.float64]
    bias: NDArray[np.float32]
    blur: tuple[float, float, float]
    noise: float
    displacement: NDArray[np.float32] | None
    motion: float
    mask: MaskError
    levels: int

    def truth(self) -> dict[str, float]:
        """Columns of the truth table."""
        return {
            **{f"acq_{name}": float(value) for name, value in zip(STRUCTURES, self.signal, strict=True)},
            "acq_bias_sd": float(self.bias.std()),
            **{f"acq_blur_{axis}_mm": value for axis, value in zip("xyz", self.blur, strict=True)},
            "acq_noise": self.noise,
            "acq_displacement_mm": rms(self.displacement),
            "acq_motion_mm": self.motion,
            "acq_mask_mm": float(self.mask.outwards.mean()),
            "acq_levels": self.levels,
        }


def acquisition(
    settings: PhantomSettings, site: str, scan_key: str, scanner: int = 0, severity: float = 0.0
) -> Acquisition:
    """Draw how a scan was made; nothing depends on other scans.

    Parameters
    ----------
    settings
        Strengths of the families are used.
    site
        Name of the site.
    scan_key
        Of the scan.
    scanner
        Which of the site's scanners, from 0.
    severity
        Of the subject's disease; above 0 it can go with motion (``motion_follows_diagnosis``).
    """
    name = f"{site}/{scanner}"
    effects = partial(family, settings, scanner=name, scan_key=scan_key)
    factor = 1 + settings.motion_follows_diagnosis * max(severity, 0.0)
    return Acquisition(
        signal=_signal(effects("contrast"), SITES[site].tesla),
        bias=_bias(effects("bias"), settings.shape),
        blur=_blur(effects("resolution")),
        noise=_spread_around(effects("noise"), NOISE, NOISE_SITE, NOISE_SCAN) * settings.spacing**-1.5,
        displacement=displacement(settings, name, scan_key),
        motion=factor * _spread_around(effects("motion"), MOTION_MM, MOTION_SITE, MOTION_SCAN),
        mask=mask_error(settings, name, scan_key),
        levels=_levels(effects("quantisation"), settings.site_strength),
    )


def acquire(
    settings: PhantomSettings, brain: Brain, scan: Acquisition, scan_key: str
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Image of a brain and the mask that was found for it, as `seada-bench preprocess` leaves them.

    Returns
    -------
    tuple of ndarray
        Image, shape (x, y, z), 0 outside of the mask; the 99th percentile inside is 2000, as a pipeline would scale it;
        site effects survive that. And the mask.
    """
    shares = brain.shares(scan.displacement)
    image = np.tensordot(scan.signal.astype(np.float32), shares, 1) * np.exp(scan.bias)
    rng = generator(settings.seed, "acquisition", "motion", "image", scan_key)
    if scan.motion:
        image = moved(image, rng, scan.motion, settings.spacing)
    image = blurred(image, scan.blur, settings.spacing)
    rng = generator(settings.seed, "acquisition", "noise", "image", scan_key)
    real, imaginary = np.float32(scan.noise) * rng.standard_normal((2, *image.shape)).astype(np.float32)
    image = np.sqrt((image + real) ** 2 + imaginary**2)
    if scan.levels:
        image = np.round(np.clip(image / 2, 0, 1) * scan.levels) / scan.levels
    mask = found_mask(np.clip(shares[:-1].sum(axis=0), 0, 1), scan.mask, settings.spacing)
    # The lowest value of an image is that of air; a voxel of the brain with it would not count as brain.
    scaled = np.round(np.clip(image * (2000 / np.percentile(image[mask], 99)), 1, 65535)) * mask
    return scaled.astype(np.uint16), mask


def _spread_around(family: Family, median: float, between: float, within: float) -> float:
    """A log-normal amount of a family whose strength scales the median as well."""
    log = family.site * between * family.of_site.standard_normal()
    log += family.scan * within * family.of_scan.standard_normal()
    return family.strength * median * float(np.exp(log))


def _signal(family: Family, tesla: float) -> NDArray[np.float64]:
    _, site, scan, of_site, of_scan = family
    reference = np.log(signals(REFERENCE))
    log = reference + site * (np.log(signals(draw_protocol(of_site, tesla))) - reference)
    log[STRUCTURES.index("head")] += site * HEAD_SPREAD * of_site.standard_normal()
    log = log * np.exp(scan * CONTRAST_JITTER * of_scan.standard_normal())
    log += scan * SIGNAL_JITTER * of_scan.standard_normal(len(STRUCTURES))
    return np.asarray(np.exp(log), np.float64)


def _bias(family: Family, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    _, site, scan, of_site, of_scan = family
    bias = np.float32(site * BIAS_SITE) * smooth_field(of_site, shape, BIAS_POINTS)[0]
    bias += np.float32(site * BIAS_FINE) * smooth_field(of_site, shape, FINE_POINTS)[0]
    bias += np.float32(scan * BIAS_SCAN) * smooth_field(of_scan, shape, BIAS_POINTS)[0]
    return np.asarray(bias, np.float32)


def _blur(family: Family) -> tuple[float, float, float]:
    strength, site, scan, of_site, of_scan = family
    widths = np.full(3, IN_PLANE * np.exp(site * PLANE_SPREAD * of_site.standard_normal()))
    widths[of_site.integers(3)] = ACROSS * np.exp(site * ACROSS_SPREAD * of_site.standard_normal())
    common = np.exp(scan * BLUR_SCAN * of_scan.standard_normal())
    x, y, z = (float(width) for width in strength * common * widths / FWHM)
    return x, y, z


def _levels(family: Family, site_strength: float) -> int:
    if not family.strength:
        return 0
    further = site_strength * family.of_site.uniform(-1, 1)
    return max(int(2 ** (BITS + BITS_RANGE * further) / family.strength), 7)

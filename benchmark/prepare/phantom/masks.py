"""Brain masks as software finds them: too wide or too tight, defaced, cut off by the field of view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.special import ndtri

from benchmark.prepare.phantom.families import family
from benchmark.prepare.phantom.fields import smooth_field
from benchmark.prepare.phantom.geometry import millimetres
from benchmark.prepare.phantom.settings import PhantomSettings

#: How far, in mm, the mask's surface lies outside of the brain's: standard deviations of what is the same all around
#: and of what differs from place to place, between sites and between scans of one. Surfaces of masks by different
#: software differ by one to a few mm on average, and by up to a cm in places (Boesen et al., NeuroImage 2004; Hoopes et
#: al., NeuroImage 2022).
SITE_MM, SITE_LOCAL_MM = 0.8, 0.8
SCAN_MM, SCAN_LOCAL_MM = 0.6, 2.2
#: Control points of the local errors of a site and of a scan.
SITE_POINTS, SCAN_POINTS = (6, 7, 6), (9, 11, 9)
#: Shares of sites whose images are defaced, and whose field of view cuts off the lowest slices.
DEFACED, CUT = 0.25, 0.2
#: Where the plane of a defacing lies in mm from the middle of the grid, along its normal, and its standard deviation
#: over scans; likewise the lowest slice.
FACE_MM, FACE_SD = 63.0, 3.0
LOWEST_MM, LOWEST_SD = -64.0, 4.0
#: Blur, in voxels, that turns shares of brain into a distance from its surface.
BLUR = 0.6


@dataclass(frozen=True)
class MaskError:
    """What is wrong with the mask of one scan.

    Attributes
    ----------
    outwards
        How far the mask's surface lies outside of the brain's, in mm, shape (x, y, z).
    removed
        What is cut off whatever lies there, bool, shape (x, y, z).
    """

    outwards: NDArray[np.float32]
    removed: NDArray[np.bool_]


def mask_error(settings: PhantomSettings, scanner: str, scan_key: str) -> MaskError:
    """Draw the error of a scan's mask."""
    shape = settings.shape
    _, between, within, site, scan = family(settings, "mask", scanner, scan_key)
    outwards = np.float32(between) * (
        np.float32(SITE_MM * site.standard_normal())
        + np.float32(SITE_LOCAL_MM) * smooth_field(site, shape, SITE_POINTS)[0]
    )
    outwards = outwards + np.float32(within) * (
        np.float32(SCAN_MM * scan.standard_normal())
        + np.float32(SCAN_LOCAL_MM) * smooth_field(scan, shape, SCAN_POINTS)[0]
    )
    removed = np.zeros(shape, np.bool_)
    defaced, cut = site.random(2) < (DEFACED, CUT)
    face, lowest = FACE_MM + FACE_SD * scan.standard_normal(), LOWEST_MM + LOWEST_SD * scan.standard_normal()
    if between:
        _, y, z = millimetres(shape, settings.spacing)
        removed |= defaced & ((y - z) / np.sqrt(2) > face)
        removed |= cut & (z < lowest)
    return MaskError(outwards, removed)


def found_mask(brain: NDArray[np.float32], error: MaskError, spacing: float) -> NDArray[np.bool_]:
    """The mask that software finds.

    Parameters
    ----------
    brain
        Share of brain in every voxel, shape (x, y, z), in [0, 1].
    error
        What is wrong with it.
    spacing
        Edge of a voxel in mm.
    """
    # The share of a blurred edge is the normal distribution of the distance from it.
    width = spacing * np.hypot(BLUR, 0.4)
    shares = np.clip(gaussian_filter(brain, BLUR), 1e-6, 1 - 1e-6)
    inwards = width * ndtri(shares)
    return np.asarray((inwards + error.outwards > 0) & ~error.removed)

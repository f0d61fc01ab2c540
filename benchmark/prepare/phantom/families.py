"""What one family of scanner effects is drawn from for a scan."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.seeds import generator


class Family(NamedTuple):
    """Strengths of a family, and random numbers that are its own: switching one off changes nothing of the others.

    Attributes
    ----------
    strength
        As set.
    site, scan
        Strength between scanners, and between scans of one.
    of_site, of_scan
        Random numbers of the scanner, and of the scan.
    """

    strength: float
    site: float
    scan: float
    of_site: np.random.Generator
    of_scan: np.random.Generator


def family(settings: PhantomSettings, name: str, scanner: str, scan_key: str) -> Family:
    """A family, one of :data:`benchmark.prepare.phantom.settings.FAMILIES`, for a scan on a scanner."""
    strength = float(getattr(settings, name))
    return Family(
        strength,
        strength * settings.site_strength,
        strength * settings.within_site,
        generator(settings.seed, "acquisition", name, "scanner", scanner),
        generator(settings.seed, "acquisition", name, "scan", scan_key),
    )

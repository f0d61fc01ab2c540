"""The phantom's eight sites, named after and sized like the datasets of the SE-ADA paper; nobody real is in them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """What a site is before any draw.

    Attributes
    ----------
    size
        Relative number of training scans, after the participants of the real dataset.
    mix
        Shares of CN, MCI and AD in it, at full confounding.
    age
        Mean age in years, at full confounding.
    parkinson
        Share of PD in it, at full confounding.
    manufacturer, model, tesla
        Scanner as a manifest states it.
    """

    size: int
    mix: tuple[float, float, float]
    age: float
    manufacturer: str
    model: str
    tesla: float
    parkinson: float = 0.0


SITES = {
    "phantom-ADNI1": Site(819, (0.28, 0.49, 0.23), 75, "phantom", "A", 1.5),
    "phantom-ADNI2": Site(790, (0.32, 0.52, 0.16), 73, "phantom", "B", 3.0),
    "phantom-ADNI3": Site(700, (0.55, 0.35, 0.10), 72, "phantom", "C", 3.0),
    "phantom-OASIS1": Site(416, (0.70, 0.20, 0.10), 66, "phantom", "D", 1.5),
    "phantom-OASIS2": Site(150, (0.50, 0.30, 0.20), 76, "phantom", "E", 1.5),
    "phantom-OASIS3": Site(1378, (0.55, 0.25, 0.20), 70, "phantom", "F", 3.0),
    "phantom-OASIS4": Site(663, (0.15, 0.35, 0.50), 74, "phantom", "G", 3.0),
    "phantom-PPMI": Site(680, (0.80, 0.15, 0.05), 63, "phantom", "H", 3.0, parkinson=0.67),
}

"""The phantom's sites; the first eight are named after and sized like the datasets of the SE-ADA paper.

Nobody real is in them.
"""

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
    model, tesla
        Scanner as a manifest states it.
    """

    size: int
    mix: tuple[float, float, float]
    age: float
    model: str
    tesla: float
    parkinson: float = 0.0


#: Shares of CN, MCI and AD of the sites beyond the named ones, in turn.
_MIXES = ((0.6, 0.25, 0.15), (0.3, 0.4, 0.3), (0.45, 0.35, 0.2))
#: By name, as many as a phantom can have.
SITES = {
    "phantom-ADNI1": Site(819, (0.28, 0.49, 0.23), 75, "A", 1.5),
    "phantom-ADNI2": Site(790, (0.32, 0.52, 0.16), 73, "B", 3.0),
    "phantom-ADNI3": Site(700, (0.55, 0.35, 0.10), 72, "C", 3.0),
    "phantom-OASIS1": Site(416, (0.70, 0.20, 0.10), 66, "D", 1.5),
    "phantom-OASIS2": Site(150, (0.50, 0.30, 0.20), 76, "E", 1.5),
    "phantom-OASIS3": Site(1378, (0.55, 0.25, 0.20), 70, "F", 3.0),
    "phantom-OASIS4": Site(663, (0.15, 0.35, 0.50), 74, "G", 3.0),
    "phantom-PPMI": Site(680, (0.80, 0.15, 0.05), 63, "H", 3.0, parkinson=0.67),
    **{
        f"phantom-site{n:02d}": Site(
            size=300 + 70 * (n % 5), mix=_MIXES[n % 3], age=66.0 + 3.0 * (n % 4), model=f"S{n}", tesla=(1.5, 3.0)[n % 2]
        )
        for n in range(9, 21)
    },
}


def first_sites(count: int) -> dict[str, Site]:
    """The sites of a phantom with ``count`` of them."""
    return dict(list(SITES.items())[:count])

"""What stands beside the hits of a search, so that nobody takes them for more than they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

#: Level of the intervals of shares.
LEVEL = 0.95


@dataclass(frozen=True)
class Share:
    """How often something is among the hits, and how often it is among all that could have been found.

    Attributes
    ----------
    name
        Of the diagnosis, or of the query's site.
    found, hits
        Hits that have it, and hits at which it is known.
    share, low, high
        Share of the hits with Wilson's 95 % interval (JASA 1927), in [0, 1]; NaN without hits. The interval takes hits
        for independent, which scans of similar people are not: it is rather too narrow.
    base
        Share of all scans that could have been found, in [0, 1].
    """

    name: str
    found: int
    hits: int
    share: float
    low: float
    high: float
    base: float

    @property
    def beyond_base(self) -> bool:
        """Whether the base rate lies outside of the interval."""
        return not self.low <= self.base <= self.high


def share_of(name: str, found: npt.NDArray[np.bool_], could: npt.NDArray[np.bool_]) -> Share:
    """One share.

    Parameters
    ----------
    name
        What it is of.
    found
        Whether each hit has it, shape (hits,).
    could
        Whether each scan that could have been found has it, shape (scans,).
    """
    base = float(could.mean()) if len(could) else np.nan
    if not len(found):
        return Share(name, 0, 0, np.nan, np.nan, np.nan, base)
    interval = binomtest(int(found.sum()), len(found)).proportion_ci(LEVEL, method="wilson")
    return Share(name, int(found.sum()), len(found), float(found.mean()), interval.low, interval.high, base)


def diagnoses_among(hits: npt.NDArray[np.str_], could: npt.NDArray[np.str_]) -> list[Share]:
    """Mix of diagnoses among the hits against that of all scans that could have been found.

    Parameters
    ----------
    hits, could
        Diagnoses, shapes (hits,) and (scans,); empty where unknown, and such scans are left out of both.

    Returns
    -------
    list of Share
        One per diagnosis that could have been found, by name.
    """
    hits, could = hits[hits != ""], could[could != ""]
    return [share_of(str(name), hits == name, could == name) for name in np.unique(could)]


def own_site_among(site: str, hits: npt.NDArray[np.str_], could: npt.NDArray[np.str_]) -> Share | None:
    """Share of the query's own site among the hits against what a search that is blind to sites gives on average.

    None where the query's site is unknown or no scan of it could have been found: then nothing can be said.
    """
    if not site or not (could == site).any():
        return None
    return share_of(site, hits == site, could == site)

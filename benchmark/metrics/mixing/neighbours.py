"""Nearest neighbours of scans among other subjects' scans."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import scans_of
from benchmark.metrics.feature_scaling import Coordinates, transform, unreadable
from benchmark.metrics.folds import Integers
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.order import smallest
from benchmark.metrics.permutations import permuted_sites
from benchmark.metrics.probes import Floats
from benchmark.metrics.rows import Estimate
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

#: Permutations of the sites over subjects whose mean is the chance level.
CHANCE_PERMUTATIONS = 5

#: Distances held in memory at a time.
PAIRS_AT_A_TIME = 2_000_000


@dataclass(frozen=True)
class Mixing:
    """What mixing of sites is measured on, in one kind of coordinates.

    Attributes
    ----------
    scans
        The scans.
    features
        Their LDRs in the coordinates, shape (scans, dimensions).
    site, owner
        Site and subject of each scan as numbers from 0, shape (scans,).
    reason
        Why nothing can be measured; empty otherwise.
    coordinates, settings
        The kind of coordinates; the seed of the permutations.
    """

    scans: Scans
    features: Floats
    site: Integers
    owner: Integers
    reason: str
    coordinates: Coordinates
    settings: EvaluationSettings

    @classmethod
    def of(
        cls,
        ldr: npt.ArrayLike,
        site: npt.ArrayLike,
        diagnosis: npt.ArrayLike | None = None,
        *,
        coordinates: Coordinates = "standardised",
        **options: Any,
    ) -> Mixing:
        """What is measured on arrays; see :class:`benchmark.metrics.arrays.CoordinateOptions`."""
        scans, settings = scans_of(ldr, site=site, diagnosis=diagnosis, **options)
        codes, owner = codes_of(scans.site), codes_of(scans.subject)
        features = transform(scans.ldr, scans.reference, coordinates)
        reason = "fewer than two sites" if codes.max(initial=0) == 0 else ""
        # Neighbours among equal scans would be drawn by rounding: perfectly mixed, it would seem.
        reason = reason or unreadable(scans.ldr, features)
        if not reason and np.bincount(codes).min() < 2:
            reason = "a site has one scan"
        return cls(scans, features, codes, owner, reason, coordinates, settings)

    def compared(self, measure: Callable[[Integers], float], n: int, note: str = "") -> Estimate:
        """A measure of sites, shape (scans,), with its mean over permuted sites for chance; NaN with a note for one."""
        if self.reason or note:
            return Estimate(math.nan, n, note=self.reason or note)
        everybody = np.zeros(len(self.site), np.int64)
        dealt = permuted_sites(self.site, self.owner, everybody, CHANCE_PERMUTATIONS, self.settings.seed)
        value, *chance = (measure(site) for site in (self.site, *dealt))
        return Estimate(value, n, chance=float(np.mean(chance)))


def nearest(features: Floats, owner: Integers, neighbours: int) -> tuple[Integers, Floats]:
    """Nearest scans of other subjects, by Euclidean distance; ties go to the first scan.

    A subject's own other scans are left out, for their nearness is identity and says nothing of sites.

    Parameters
    ----------
    features
        Shape (scans, dimensions).
    owner
        Subject of each scan, shape (scans,).
    neighbours
        How many; at most the scans of other subjects that every scan has.

    Returns
    -------
    tuple of numpy.ndarray
        Positions and distances, shape (scans, neighbours) each, nearest first.
    """
    index = np.empty((len(features), neighbours), np.int64)
    distance = np.empty((len(features), neighbours))
    # Centred, lest the difference of large squares swallows small distances.
    centred = features - features.mean(axis=0)
    square = np.square(centred).sum(axis=1)
    step = max(1, PAIRS_AT_A_TIME // len(features))
    for start in range(0, len(features), step):
        rows = slice(start, start + step)
        squared = np.maximum(square[rows, None] - 2 * centred[rows] @ centred.T + square, 0.0)
        squared[owner[rows, None] == owner] = np.inf
        index[rows] = smallest(squared, neighbours)
        distance[rows] = np.sqrt(np.take_along_axis(squared, index[rows], axis=1))
    return index, distance


def most_neighbours(owner: Integers, wanted: int) -> int:
    """Neighbours that every scan has among other subjects' scans, at most those wanted."""
    return min(wanted, len(owner) - int(np.bincount(owner).max()))

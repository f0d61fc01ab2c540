"""iLISI: how many sites there are in a scan's neighbourhood."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import CoordinateOptions, by_coordinates
from benchmark.metrics.folds import Integers
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.mixing.neighbours import Mixing, most_neighbours, nearest
from benchmark.metrics.probes import Floats
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

ILISI = Metric("leakage", "ilisi", version=2, higher_is_better=True)

#: Neighbours of a scan; the perplexity is a third of them.
NEIGHBOURS = 90

#: Halvings of the search for a kernel's width, and how close to the perplexity's entropy is close enough.
STEPS, TOLERANCE = 50, 1e-5


@reproducible()
def ilisi(
    ldr: npt.ArrayLike, site: npt.ArrayLike, *, neighbours: int = NEIGHBOURS, **options: Unpack[CoordinateOptions]
) -> Estimate:
    """Median inverse Simpson index of the sites among neighbours, scaled to [0, 1]; higher is better mixed.

    Korsunsky et al., Nature Methods 2019: neighbours, shape (scans, neighbours), are weighted by p_j ∝ exp(-β d_j), β
    such that their perplexity is 30, and the index is 1 / Σ_site (Σ_{j at site} p_j)². Scaled as (median - 1) / (sites
    - 1) (Luecken et al., Nature Methods 2022). Departures: a subject's own scans are no neighbours; neighbours are
    exact, 90 or as many as there are. Chance is the mean over permutations of the sites over subjects.

    Parameters
    ----------
    neighbours
        Of a scan, at most; the perplexity is a third of them.

    Returns
    -------
    Estimate
        n in scans; NaN with a note for one site, a site with one scan, fewer than nine neighbours, or a constant LDR.
    """
    mixing = Mixing.of(ldr, site, **options)
    used = most_neighbours(mixing.owner, neighbours)
    few = "" if used // 3 >= 3 else f"{used} neighbours; at least 9 are needed"
    if mixing.reason or few:
        return Estimate(math.nan, len(mixing.site), note=mixing.reason or few)
    index, distance = nearest(mixing.features, mixing.owner, used)
    weights, sites = neighbour_weights(distance, used // 3), int(mixing.site.max()) + 1
    return mixing.compared(lambda site: scaled(inverse_simpson(weights, index, site), sites), len(mixing.site))


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`ilisi`, one a kind of coordinates."""
    found = []
    for part, options, params in by_coordinates(scans, settings):
        used = most_neighbours(codes_of(part.subject), NEIGHBOURS)
        told = {**params, "neighbours": used, "perplexity": used // 3}
        found.append(ilisi(part.ldr, part.site, **options).score(ILISI, told))
    return found


def neighbour_weights(distance: Floats, perplexity: float) -> Floats:
    """Weights of neighbours, shape (scans, neighbours), with the perplexity wanted, by bisection of β.

    Parameters
    ----------
    distance
        Shape (scans, neighbours).
    perplexity
        Exponential of the entropy of a scan's weights.
    """
    # Distances from the nearest one give the same weights and do not underflow.
    offset = distance - distance.min(axis=1, keepdims=True)
    beta, low, high = (np.full((len(distance), 1), value) for value in (1.0, -np.inf, np.inf))
    weights = np.full(distance.shape, 1 / distance.shape[1])
    for _ in range(STEPS):
        raw = np.exp(-offset * beta)
        total = raw.sum(axis=1, keepdims=True)
        weights = raw / total
        excess = np.log(total) + beta * (offset * weights).sum(axis=1, keepdims=True) - math.log(perplexity)
        if (np.abs(excess) < TOLERANCE).all():
            break
        wide = excess > 0
        low, high = np.where(wide, beta, low), np.where(wide, high, beta)
        up = np.where(np.isinf(high), beta * 2, (beta + high) / 2)
        down = np.where(np.isinf(low), beta / 2, (beta + low) / 2)
        beta = np.where(np.abs(excess) < TOLERANCE, beta, np.where(wide, up, down))
    return weights


def inverse_simpson(weights: Floats, index: Integers, site: Integers) -> Floats:
    """Inverse Simpson index of the sites among each scan's neighbours, shape (scans,), in [1, sites]."""
    of_neighbour = site[index]
    shares = np.stack([np.where(of_neighbour == one, weights, 0.0).sum(axis=1) for one in range(int(site.max()) + 1)])
    indices: Floats = 1 / np.square(shares).sum(axis=0)
    return indices


def scaled(index: Floats, sites: int) -> float:
    """Median index scaled to [0, 1]: 0 for one site in every neighbourhood, 1 for all in equal parts."""
    return float((np.median(index) - 1) / (sites - 1))

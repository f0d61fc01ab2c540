"""Mutual information between the site and an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import digamma

from benchmark.metrics.folds import Integers
from benchmark.metrics.neighbours import mixings
from benchmark.metrics.probes import Floats
from benchmark.metrics.rows import Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

BITS = Metric("leakage", "mutual_information", version=1, higher_is_better=False, highest=math.inf)

#: Neighbours of the same site that set a scan's scale.
NEIGHBOURS = 3

#: Leading principal components that are looked at: the estimator loses its way in many dimensions.
COMPONENTS = 5


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Mutual information in bits between the site and the five leading principal components of the LDR.

    Nearest-neighbour estimate for a discrete and a continuous variable (Ross, PLoS ONE 2014): with N scans, N_x of the
    scan's site, k the third neighbour of that site, and m scans of any site within its distance,
    I = ψ(N) + ψ(k) - <ψ(N_x)> - <ψ(m)>, in nats, here in bits and not below 0. At most the entropy of the sites,
    log2(sites) if they are equally large. A lower bound on what the whole LDR holds: other directions are not looked
    at. Standardised LDRs are rotated to their principal components over the scored scans, without labels. Chance is
    the mean over permutations of the sites over subjects.

    Returns
    -------
    list of Score
        One; n in scans; NaN with a reason for one site, a site with one scan, or a constant LDR.
    """
    (mixing,) = mixings(scans, settings, ("standardised",))
    params = mixing.text(components=COMPONENTS, neighbours=NEIGHBOURS)
    if mixing.reason:
        return [Score(BITS, params, math.nan, len(mixing.part), reason=mixing.reason)]
    leading = _leading(mixing.features)
    value, *chance = (mutual_information(leading, site) for site in (mixing.site, *mixing.dealt))
    return [Score(BITS, params, value, len(mixing.part), chance=float(np.mean(chance)))]


def mutual_information(values: Floats, site: Integers) -> float:
    """Estimate in bits, at least 0, for values of shape (scans, dimensions); sites with one scan are left out."""
    kept = np.bincount(site)[site] > 1
    values, site = values[kept], site[kept]
    size = np.bincount(site)[site]
    neighbours = np.minimum(NEIGHBOURS, size - 1)
    radius = np.empty(len(site))
    for one in np.unique(site):
        here = np.flatnonzero(site == one)
        k = int(neighbours[here[0]])
        distance, _ = cKDTree(values[here]).query(values[here], k=k + 1)
        radius[here] = distance[:, -1]
    # Strictly within: the k-th neighbour itself counts once, as in the source.
    within = cKDTree(values).query_ball_point(values, np.nextafter(radius, 0), return_length=True)
    within = np.maximum(within, 1)
    nats = digamma(len(site)) + digamma(neighbours).mean() - digamma(size).mean() - digamma(within).mean()
    return max(0.0, float(nats) / math.log(2))


def _leading(features: Floats) -> Floats:
    centred = features - features.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    leading: Floats = centred @ directions[:COMPONENTS].T
    return leading

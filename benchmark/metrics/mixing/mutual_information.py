"""Mutual information between the site and an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from scipy.special import digamma

from benchmark.metrics.arrays import CoordinateOptions, by_coordinates
from benchmark.metrics.feature_scaling import transform
from benchmark.metrics.folds import Integers
from benchmark.metrics.mixing.neighbours import PAIRS_AT_A_TIME, Mixing
from benchmark.metrics.probes import Floats
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

BITS = Metric("leakage", "mutual_information", version=2, higher_is_better=False, highest=math.inf)

#: Neighbours of the same site that set a scan's scale.
NEIGHBOURS = 3

#: Leading principal components that are looked at: the estimator loses its way in many dimensions.
COMPONENTS = 5


@reproducible()
def mutual_information(ldr: npt.ArrayLike, site: npt.ArrayLike, **options: Unpack[CoordinateOptions]) -> Estimate:
    """Mutual information in bits between the site and the five leading principal components of the LDR.

    Nearest-neighbour estimate for a discrete and a continuous variable (Ross, PLoS ONE 2014): with N scans, N_x of the
    scan's site, k the third neighbour of that site, and m scans of any site within its distance, I = ψ(N) + ψ(k) -
    <ψ(N_x)> - <ψ(m)>, in nats, here in bits and not below 0, from components of shape (scans, 5). Lower is better. At
    most the entropy of the sites, log2(sites) if they are equally large. A lower bound on what the whole LDR holds:
    other directions are not looked at. Departures: of a subject's scans at one site the first alone counts, and those
    at other sites count nowhere beside it, neither as neighbours nor in N, N_x or m; four scans of each subject would
    otherwise give the whole entropy without any trace of the site. Principal components are those of the reference
    scans in the same coordinates; whitened ones are in the order of their variance before whitening. Chance is the mean
    over permutations of the sites over subjects.

    Returns
    -------
    Estimate
        n in scans that count; NaN with a note for one site, a site with one scan or one subject, or a constant LDR.
    """
    mixing = Mixing.of(ldr, site, **options)
    first = np.unique(mixing.owner * (mixing.site.max(initial=0) + 1) + mixing.site, return_index=True)[1]
    if mixing.reason:
        return Estimate(math.nan, len(first), note=mixing.reason)
    leading = _leading(mixing)
    result = mixing.compared(lambda site: site_bits(leading[first], site[first], mixing.owner[first]), len(first))
    return Estimate(math.nan, len(first), note="a site has one subject") if math.isnan(result.value) else result


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`mutual_information`, one a kind of coordinates."""
    return [
        mutual_information(part.ldr, part.site, **options).score(
            BITS, {**params, "components": COMPONENTS, "neighbours": NEIGHBOURS}
        )
        for part, options, params in by_coordinates(scans, settings)
    ]


def site_bits(values: Floats, site: Integers, owner: Integers | None = None) -> float:
    """Estimate in bits, at least 0; NaN where a scan's site has no scan of another subject.

    Parameters
    ----------
    values
        Shape (scans, dimensions).
    site
        Shape (scans,), numbers from 0.
    owner
        Subject of each scan, shape (scans,); one subject per scan where it is left out.
    """
    owner = np.arange(len(site)) if owner is None else owner
    terms = [
        _terms(values, site, owner, rows)
        for rows in np.array_split(np.arange(len(site)), max(1, len(site) ** 2 // PAIRS_AT_A_TIME))
    ]
    total, own, neighbours, within = np.concatenate(terms, axis=1)
    # Counts are without the scan itself, which every one of N and N_x in the formula includes.
    if neighbours.min() < 1:
        return math.nan
    nats = digamma(total + 1) + digamma(neighbours) - digamma(own + 1) - digamma(within)
    return max(0.0, float(nats.mean()) / math.log(2))


def _terms(values: Floats, site: Integers, owner: Integers, rows: Integers) -> Integers:
    # Scans of other subjects, those of them at the scan's site, k, and those within the k-th one's distance.
    others = owner[rows, None] != owner
    near = others & (site[rows, None] == site)
    distance = cdist(values[rows], values)
    own = near.sum(axis=1)
    neighbours = np.minimum(NEIGHBOURS, own)
    of_site = np.partition(np.where(near, distance, np.inf), range(NEIGHBOURS), axis=1)
    radius = of_site[np.arange(len(rows)), np.maximum(neighbours - 1, 0)]
    within = (others & (distance <= radius[:, None])).sum(axis=1)
    return np.stack([others.sum(axis=1), own, neighbours, within])


def _leading(mixing: Mixing) -> Floats:
    reference = transform(mixing.scans.reference, mixing.scans.reference, mixing.coordinates)
    if mixing.coordinates == "whitened":
        # Columns of whitened coordinates are in ascending order of the variance that whitening took away.
        return mixing.features[:, ::-1][:, :COMPONENTS]
    _, directions = np.linalg.eigh(np.cov(reference, rowvar=False, ddof=0).reshape(reference.shape[1], -1))
    leading: Floats = mixing.features @ directions[:, ::-1][:, :COMPONENTS]
    return leading

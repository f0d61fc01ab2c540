"""Discriminability: how often two scans of one person are closer than scans of two people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from benchmark.metrics.bootstrap import Strata, interval, replicates_of
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.reliability.crossed import crossed_search
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.search import Search, SearchOptions, searches
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import similarities, vectors_of
from benchmark.metrics.threads import reproducible

DISCRIMINABILITY = Metric("reliability", "discriminability", version=1, higher_is_better=True)


@reproducible()
def discriminability(
    ldr: npt.ArrayLike, *, site: npt.ArrayLike, subject: npt.ArrayLike, **options: Unpack[SearchOptions]
) -> Estimate:
    """Share of comparisons in which a travelling subject's two scans are closer than one of them and another subject's.

    Bridgeford et al., PLOS Computational Biology 2021: over all pairs t, t' of scans of a subject i, with LDRs x of
    shape (dimensions,), and all scans t'' of others j, how often δ(x_it, x_it') < δ(x_it, x_jt''); equal distances
    count half. In [0, 1], higher is better, 0.5 by chance. It does not saturate as top-1 does once the nearest scan is
    right: all of a subject's scans must be closer than those of others, at whatever site. Subjects are those who were
    at all of the same sites (:func:`benchmark.metrics.reliability.crossed.crossed`); ``query_sites`` is not read. The
    interval is over resamples of these subjects with all their comparisons (:mod:`benchmark.metrics.bootstrap`).

    Returns
    -------
    Estimate
        n in scans; NaN with a note for fewer than three such subjects, or a distance that cannot be taken.
    """
    return _discriminability(Search.of(ldr, site=site, subject=subject, **options))


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`discriminability`, one a distance; the scans of all sites are compared."""
    return [
        _discriminability(search).score(DISCRIMINABILITY, search.params(gallery="all_sites"))
        for search in searches(scans, settings, None)
    ]


def _discriminability(search: Search) -> Estimate:
    among, note = crossed_search(search)
    scans = among.scans
    vectors, reason = vectors_of(scans, search.distance) if len(scans) else (None, note)
    if vectors is None:
        return Estimate(math.nan, len(scans), note=reason)
    subject, settings = codes_of(scans.subject), search.settings
    count = np.bincount(subject)
    # Every ordered pair of scans of a subject weighs the same.
    weight = count * (count - 1) / (count * (count - 1)).sum()
    value, without = 0.0, np.zeros(len(count))
    for person in range(len(count)):
        own, others = np.flatnonzero(subject == person), np.flatnonzero(subject != person)
        similarity = similarities(vectors[own], vectors, search.distance)
        closer = np.zeros(len(others))
        for row, scan in zip(similarity, own, strict=True):
            pairs = row[own[own != scan], None]
            closer += (pairs > row[others]).sum(axis=0) + 0.5 * (pairs == row[others]).sum(axis=0)
        closer /= len(own) * (len(own) - 1)
        value += weight[person] * closer.mean()
        # What stays of it without each other subject.
        stay = np.arange(len(count)) != person
        gone = np.bincount(subject[others], closer, minlength=len(count))[stay]
        without[stay] += weight[person] * (closer.sum() - gone) / (len(others) - count[stay])
    without /= 1 - weight
    strata = Strata.of(scans.subject, scans.site)
    replicates = replicates_of(np.array([value]), without[:, None], strata, settings.bootstrap, settings.seed)[:, 0]
    low, high = interval(replicates)
    if 0 < value < 1:
        # Near 1 its distribution leans to 0: in the logit's scale, to first order, an interval covers as it should.
        low, high = expit(logit(value) + (np.array([low, high]) - value) / (value * (1 - value))).tolist()
    return Estimate(float(value), len(scans), 0.5, low, high, note=note, replicates=replicates)

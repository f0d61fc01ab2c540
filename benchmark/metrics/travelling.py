"""Identity: how often a travelling subject's scan finds the same person at another site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.first_ranks import deep_enough, mean_of_queries
from benchmark.metrics.galleries import Codes, codes_of
from benchmark.metrics.retrieval import nearest_scans
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.search import Search, SearchOptions, searches
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of
from benchmark.metrics.threads import reproducible

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TOP1 = Metric("identity", "top1", version=2, higher_is_better=True)


@reproducible()
def travelling_top1(
    ldr: npt.ArrayLike, *, site: npt.ArrayLike, subject: npt.ArrayLike, **options: Unpack[SearchOptions]
) -> Estimate:
    """Share of queries whose most similar scan of another site is of the same subject.

    1/Q Σ_q [subject of q's first scan = subject of q], of rankings of shape (queries, 1): the identification rate of
    fingerprinting studies (Finn et al., Nature Neuroscience 2015). In [0, 1], higher is better. Queries are the Q scans
    of subjects with scans at two or more sites; the gallery is every scored scan of the other sites, whatever its
    diagnosis, the subject's own ones among all the distractors. Ties go to the first scan key. Chance is the mean share
    of the subject's own scans in the gallery. The mean is over queries, its interval over resamples of all subjects,
    those who travelled and those among whom they are looked for (:mod:`benchmark.metrics.bootstrap`). There is none
    where every query finds its subject, or none does.

    Returns
    -------
    Estimate
        n in queries, at least one; NaN with a note where no subject travelled, or the distance cannot be taken.
    """
    return _top1(Search.of(ldr, site=site, subject=subject, **options))


def scores(
    scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None, metric: Metric = TOP1
) -> list[Score]:
    """Rows of :func:`travelling_top1`, one a distance, under the name of a metric."""
    every = searches(scans, settings, query_sites)
    return [_top1(search).score(metric, search.params(gallery="other_sites")) for search in every]


def _top1(search: Search) -> Estimate:
    scans, distance, may_query = search.scans, search.distance, search.may_query
    codes = Codes.of(scans)
    site, subject = codes.site, codes.subject
    at_site = codes_of(np.char.add(np.char.add(scans.site, "/"), scans.subject))
    elsewhere = np.bincount(subject)[subject] - np.bincount(at_site)[at_site]
    queries = np.flatnonzero(may_query & (elsewhere > 0))
    vectors, note = vectors_of(scans, distance)
    if len(queries) == 0:
        note = "no subject" + ("" if may_query.all() else " of the query sites") + " has scored scans at two sites"
    if note or vectors is None:
        return Estimate(math.nan, 0, note=note)
    # To a search for a subject, every scan is a subject of its own: those of the query's person stay in the gallery.
    strangers = replace(codes, subject=np.arange(len(scans), dtype=np.int32))
    nearest = nearest_scans(vectors, queries, strangers, distance, "other_sites", deep_enough(1, subject))

    def same_person(places: Integers, which: Integers, gone: Integers) -> Floats:
        right: Floats = (subject[places[:, 0]] == subject[queries[which]]).astype(np.float64)
        return right

    value = same_person(nearest, np.arange(len(queries)), queries)
    share = (elsewhere / np.maximum(len(scans) - np.bincount(site)[site], 1))[queries]
    one_group = np.full(len(queries), "all")
    return mean_of_queries(scans, queries, nearest, 1, same_person, (value, share), one_group, search.settings)

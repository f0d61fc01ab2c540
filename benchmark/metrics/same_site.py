"""Same-site share: how often the nearest scans come from the query's own site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.first_ranks import deep_enough, mean_of_queries
from benchmark.metrics.galleries import Codes, gallery_counts
from benchmark.metrics.retrieval import nearest_scans
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.search import Search, SearchOptions, searches
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of
from benchmark.metrics.threads import reproducible

Array = npt.NDArray[Any]

#: First scans that are looked at.
DEPTH = 10

SHARE = Metric("retrieval", f"same_site@{DEPTH}", version=2, higher_is_better=False)


@reproducible()
def same_site_share(
    ldr: npt.ArrayLike, *, site: npt.ArrayLike, subject: npt.ArrayLike, **options: Unpack[SearchOptions]
) -> Estimate:
    """Share of the query's own site among the first ten of all other subjects' scans, whatever their diagnosis.

    1/10 Σ_{r ≤ 10} [site of the scan at rank r = the query's site], of rankings of shape (queries, 10): precision of
    the first ten (Manning et al. 2008, section 8.4) with the site for relevance, a use that is ours. In [0, 1], lower
    is better down to chance, which is the own site's share of the gallery: what a ranking that does not see the site is
    expected to give. Mean over query sites of each site's mean; interval over resamples of subjects, who query and are
    found (:mod:`benchmark.metrics.bootstrap`). Needs ten scans of other subjects.

    Returns
    -------
    Estimate
        n in queries; parts are the query sites. NaN with a note, in all of them, for a gallery of fewer than ten scans,
        or a distance that cannot be taken.
    """
    return own_site_share(Search.of(ldr, site=site, subject=subject, **options))


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`same_site_share`, one a distance, each followed by those of its query sites."""
    return [
        row
        for search in searches(scans, settings, query_sites)
        for row in own_site_share(search).scores(SHARE, search.params(gallery="all_sites"), "query_site")
    ]


def own_site_share(search: Search, depth: int = DEPTH) -> Estimate:
    """:func:`same_site_share` of the first ``depth`` scans of each query of a search."""
    scans, distance = search.scans, search.distance
    queries, codes = np.flatnonzero(search.may_query), Codes.of(scans)
    site, subject, names = codes.site, codes.subject, scans.site[queries]
    query_sites = np.unique(names).tolist()
    vectors, note = vectors_of(scans, distance)
    note = note or ("" if len(queries) else "no query")
    if not note and min(len(scans) - np.bincount(subject)[subject[queries]]) < DEPTH:
        note = f"a query has fewer than {depth} scans of other subjects"
    if note or vectors is None:
        parts = {one: Estimate(math.nan, int((names == one).sum()), note=note) for one in query_sites}
        return Estimate(math.nan, len(queries), note=note, parts=parts)
    nearest = nearest_scans(vectors, queries, codes, distance, "all_sites", deep_enough(depth, subject))

    def own_share(places: Array, which: Array, gone: Array) -> Array:
        # Where one subject's absence leaves fewer than ten, a place that nothing fills is no scan of the site.
        shares: Array = ((site[places] == site[queries[which], None]) & (places >= 0)).mean(axis=1)
        return shares

    share = own_share(nearest[:, :depth], np.arange(len(queries)), queries)
    one_class = np.zeros(len(scans), np.int64)
    every, own = (gallery_counts(queries, codes, which, one_class)[:, 0] for which in ("all_sites", "own_site"))
    result = mean_of_queries(scans, queries, nearest, depth, own_share, (share, own / every), names, search.settings)
    parts = {
        one: Estimate(float(share[here].mean()), int(here.sum()), chance=float((own / every)[here].mean()))
        for one in query_sites
        for here in (names == one,)
    }
    return replace(result, parts=parts)

"""Retrieval from each site in each site: which pairs of sites understand each other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.galleries import Codes, gallery_lists
from benchmark.metrics.query_quality import ONE_LABEL, nothing_wrong
from benchmark.metrics.ranking import average_precision, expected_average_precision
from benchmark.metrics.retrieval import chunks_of, label_sets, ranked
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.search import Search, SearchOptions, searches
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of
from benchmark.metrics.threads import map_chunks, reproducible

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]
Text = npt.NDArray[np.str_]

MATRIX = Metric("retrieval", "mAP_site_to_site", version=1, higher_is_better=True)


@reproducible()
def site_to_site_precision(
    ldr: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    subject: npt.ArrayLike,
    among: Sequence[str] | None = None,
    **options: Unpack[SearchOptions],
) -> dict[tuple[str, str], Estimate]:
    """Mean average precision of the queries of one site in the scans of one site, for all pairs.

    1/Q Σ_q AP(q, s), the mean over the Q queries of a site that have a relevant scan at site s, with AP as in
    :func:`benchmark.metrics.ranking.average_precision` (Manning et al. 2008, section 8.4) of rankings of shape
    (queries, scans), of which the scans of site s are kept and those of the query's subject left out. A matrix of shape
    (query sites, gallery sites); that AP is laid out by pairs of sites is ours. In [0, 1], higher is better. A small
    gallery makes chance high: read each value beside its own.

    Returns
    -------
    dict of tuple of str to Estimate
        By (query site, gallery site); n counts queries with a relevant scan, one at least; NaN with a note where there
        is none, and in all of them where no scan has a label, one label is alone, or the distance cannot be taken.
    """
    search = Search.of(ldr, site=site, subject=subject, labels=labels, **options)
    return _matrix(search, search.among(among))


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`site_to_site_precision` for CN/AD and the first distance, ``gallery_site=...;query_site=...``."""
    search = next(searches(scans, settings, query_sites))
    label, chosen = next(iter(label_sets(scans).items()))
    params = search.params(gallery="one_site", label=label)
    return [
        one.score(MATRIX, params, gallery_site=in_site, query_site=of_site)
        for (of_site, in_site), one in _matrix(search, chosen).items()
    ]


def _matrix(search: Search, chosen: npt.NDArray[np.bool_]) -> dict[tuple[str, str], Estimate]:
    scans, distance, may_query = search.scans, search.distance, search.may_query
    part, queries = scans.where(chosen), np.flatnonzero(may_query[chosen])
    vectors, note = vectors_of(part, distance)
    if vectors is None:
        return _undefined(part.site[queries], part.site, note)
    if len(queries) == 0:
        return _undefined(scans.site[may_query], scans.site, "no query")
    names, site = np.unique(part.site, return_inverse=True)
    codes = Codes.of(part)

    def of_chunk(chunk: Integers) -> Array:
        order, everyone = ranked(vectors, chunk, distance), np.ones(len(part), bool)
        every = [gallery_lists(order, chunk, codes, everyone, "all_sites", one) for one in range(len(names))]
        # Shape (4, queries, gallery sites): value, chance, relevant and all scans.
        return np.stack(
            [
                (average_precision(lists), expected_average_precision(lists.total, lists.size), lists.total, lists.size)
                for lists in every
            ],
            axis=-1,
        )

    value, expected, total, size = np.concatenate(list(map_chunks(of_chunk, chunks_of(queries, len(part)))), axis=1)
    if nothing_wrong(total, size):
        return _undefined(part.site[queries], part.site, ONE_LABEL)
    found = {}
    for query_site in np.unique(site[queries]):
        here = site[queries] == query_site
        for gallery_site in range(len(names)):
            defined = total[here, gallery_site] > 0
            missing = int((~defined).sum())
            note = f"{missing} of {len(defined)} queries have no relevant scan there" if missing else ""
            mean, chance = (
                float(one[here, gallery_site][defined].mean()) if defined.any() else np.nan for one in (value, expected)
            )
            pair = (str(names[query_site]), str(names[gallery_site]))
            found[pair] = Estimate(mean, int(defined.sum()), chance, note=note)
    return found


def _undefined(query_site: Text, gallery_site: Text, note: str) -> dict[tuple[str, str], Estimate]:
    pairs = itertools.product(np.unique(query_site).tolist(), np.unique(gallery_site).tolist())
    return dict.fromkeys(pairs, Estimate(np.nan, 0, note=note))

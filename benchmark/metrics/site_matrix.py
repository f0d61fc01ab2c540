"""Retrieval from each site in each site: which pairs of sites understand each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.metrics.galleries import Codes, gallery_lists
from benchmark.metrics.query_quality import ONE_LABEL, nothing_wrong
from benchmark.metrics.ranked.average_precision import average_precision, expected_average_precision
from benchmark.metrics.retrieval import chunks_of, distance_params, label_sets, ranked
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of
from benchmark.metrics.threads import map_chunks

Array = npt.NDArray[Any]
Integers = npt.NDArray[np.int64]
Text = npt.NDArray[np.str_]

MATRIX = Metric("retrieval", "mAP_site_to_site", version=1, higher_is_better=True)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Compute mAP of the queries of one site in the scans of one site, for CN/AD and the first distance.

    1/Q Σ_q AP(q, s), the mean over the Q queries of a site that have a relevant scan at site s, with AP as in
    :mod:`benchmark.metrics.ranked.average_precision` (Manning et al. 2008, section 8.4) of rankings of shape (queries,
    scans), of which the scans of site s are kept and those of the query's subject left out. A matrix of shape (query
    sites, gallery sites); that AP is laid out by pairs of sites is ours. In [0, 1], higher is better. A small gallery
    makes chance high: read each value beside its own.

    Returns
    -------
    list of Score
        Rows with the subgroup ``gallery_site=...;query_site=...``; n counts queries with a relevant scan, one at least;
        NaN with a reason where there is none, and in all of them where no scan has a label, one label is alone, or the
        distance cannot be taken.
    """
    distance = settings.every_distance[0]
    label, chosen = next(iter(label_sets(scans).items()))
    may_query = check_query_sites(scans, query_sites)
    part = scans.where(chosen)
    params = key_values(gallery="one_site", label=label, **distance_params(scans, distance, settings))
    vectors, queries = vectors_of(part, distance).vectors, np.flatnonzero(may_query[chosen])
    if vectors is None:
        return _undefined(part.site[queries], part.site, params, vectors_of(part, distance).reason)
    if len(queries) == 0:
        return _undefined(scans.site[may_query], scans.site, params, "no query")
    names, site = np.unique(part.site, return_inverse=True)
    codes = Codes.of(part)

    def of_chunk(chunk: Integers) -> tuple[Array, Integers]:
        lists = gallery_lists(ranked(vectors, chunk, distance), chunk, codes, np.ones(len(part), bool), "each_site")
        both = np.stack([average_precision(lists), expected_average_precision(lists.total, lists.size)])
        counts = np.stack([lists.total, lists.size])
        return np.where(lists.total > 0, both, np.nan).reshape(2, len(chunk), len(names)), counts

    parts = list(map_chunks(of_chunk, chunks_of(queries, len(part))))
    if nothing_wrong(*np.concatenate([counts for _, counts in parts], axis=1)):
        return _undefined(part.site[queries], part.site, params, ONE_LABEL)
    value, expected = np.concatenate([both for both, _ in parts], axis=1)
    found = []
    for query_site in np.unique(site[queries]):
        here = site[queries] == query_site
        for gallery_site in range(len(names)):
            defined = np.isfinite(value[here, gallery_site])
            missing = int((~defined).sum())
            reason = f"{missing} of {len(defined)} queries have no relevant scan there" if missing else ""
            mean, chance = (
                float(one[here, gallery_site][defined].mean()) if defined.any() else np.nan for one in (value, expected)
            )
            subgroup = _cell(names[gallery_site], names[query_site])
            found.append(Score(MATRIX, params, mean, int(defined.sum()), subgroup, reason, chance=chance))
    return found


def _undefined(query_site: Text, gallery_site: Text, params: str, reason: str) -> list[Score]:
    return [
        Score(MATRIX, params, np.nan, 0, _cell(of_gallery, of_query), reason)
        for of_query in np.unique(query_site)
        for of_gallery in np.unique(gallery_site)
    ]


def _cell(gallery_site: str, query_site: str) -> str:
    return key_values(gallery_site=str(gallery_site), query_site=str(query_site))

"""Same-site share: how often the nearest scans come from the query's own site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import interval, mean_of_site_means, subject_replicates
from benchmark.metrics.retrieval import codes_of, distance_params, rankings
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of
from benchmark.metrics.threads import map_chunks

Array = npt.NDArray[Any]

#: First scans that are looked at.
DEPTH = 10

SHARE = Metric("retrieval", f"same_site@{DEPTH}", version=1, higher_is_better=False)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Share of the query's own site among the first ten of all other subjects' scans, whatever their diagnosis.

    In [0, 1], lower is better down to chance, which is the own site's share of the gallery: what a ranking that does
    not see the site is expected to give. Mean over query sites of each site's mean; interval over resamples of query
    subjects. Needs ten scans of other subjects.

    Returns
    -------
    list of Score
        One a distance, then one a query site; n in queries; NaN with a reason for a gallery of fewer than ten scans, or
        a distance that cannot be taken.
    """
    queries = np.flatnonzero(check_query_sites(scans, query_sites))
    site, subject = codes_of(scans.site), codes_of(scans.subject)
    names = scans.site[queries]
    found = []
    for distance in settings.distances:
        params = key_values(gallery="all_sites", **distance_params(scans, distance))
        reason = vectors_of(scans, distance).reason or ("" if len(queries) else "no query")
        if not reason and min(len(scans) - np.bincount(subject)[subject[queries]]) < DEPTH:
            reason = f"a query has fewer than {DEPTH} scans of other subjects"
        if reason:
            found.append(Score(SHARE, params, math.nan, len(queries), reason=reason))
            continue

        def first(part: tuple[Array, Array]) -> tuple[Array, Array]:
            chunk, order = part
            member = subject[order] != subject[chunk, None]
            rank = np.cumsum(member, axis=1, dtype=np.int32)
            same = member & (site[order] == site[chunk, None])
            return (same & (rank <= DEPTH)).sum(axis=1) / DEPTH, same.sum(axis=1) / member.sum(axis=1)

        parts = list(map_chunks(first, rankings(scans, queries, distance)))
        share, expected = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        replicates = subject_replicates(
            share[:, None], scans.subject[queries], names, settings.bootstrap, settings.seed
        )[:, 0]
        low, high = interval(replicates)
        found.append(
            Score(
                SHARE,
                params,
                mean_of_site_means(share, names),
                len(queries),
                ci_low=low,
                ci_high=high,
                chance=mean_of_site_means(expected, names),
                replicates=replicates,
            )
        )
        found += [
            Score(
                SHARE,
                params,
                float(share[names == one].mean()),
                int((names == one).sum()),
                key_values(query_site=one),
                chance=float(expected[names == one].mean()),
            )
            for one in np.unique(names).tolist()
        ]
    return found

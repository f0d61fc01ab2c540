"""Graded relevance: MCI lies between CN and AD, and a search that confuses neighbours is less wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import interval, mean_of_site_means, subject_replicates
from benchmark.metrics.ranked.ndcg import DEPTH, DISCOUNTS
from benchmark.metrics.retrieval import codes_of, distance_params, rankings
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of
from benchmark.metrics.threads import map_chunks

Array = npt.NDArray[Any]

GRADED = Metric("retrieval", f"graded_nDCG@{DEPTH}", version=1, higher_is_better=True)

ORDER = ("CN", "MCI", "AD")


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """nDCG@10 in other sites' scans, with gain 2^g - 1, g = 2 for the query's diagnosis, 1 for the next, 0 else.

    The order is CN, MCI, AD (gain after Burges et al., ICML 2005; discount 1 / log2(rank + 1), Järvelin & Kekäläinen,
    ACM TOIS 2002). In [0, 1], higher is better; needs ten scans in the gallery. Chance is exact: the mean gain of the
    gallery times the sum of discounts, over the ideal. Mean over query sites of each site's mean; interval over
    resamples of query subjects.

    Returns
    -------
    list of Score
        One a distance, none if it is not asked for; n counts defined queries; NaN with a reason without MCI, which
        leaves nothing to grade, without queries, or where the distance cannot be taken.
    """
    if not settings.graded:
        return []
    chosen = np.isin(scans.diagnosis, ORDER)
    part = scans.where(chosen)
    queries = np.flatnonzero(check_query_sites(scans, query_sites)[chosen])
    grade = np.array([ORDER.index(one) for one in part.diagnosis.tolist()], dtype=np.int64)
    site, subject = codes_of(part.site), codes_of(part.subject)
    names = part.site[queries]
    found = []
    for distance in settings.distances:
        params = key_values(gallery="other_sites", label="CN<MCI<AD", **distance_params(scans, distance))
        reason = vectors_of(part, distance).reason or ("" if len(queries) else "no query")
        reason = reason or ("" if 1 in grade else "no scan is MCI: nothing to grade")
        if reason:
            found.append(Score(GRADED, params, math.nan, 0, reason=reason))
            continue

        def of_chunk(given: tuple[Array, Array]) -> tuple[Array, Array]:
            chunk, order = given
            member = (site[order] != site[chunk, None]) & (subject[order] != subject[chunk, None])
            steps = np.abs(grade[order] - grade[chunk, None])
            return graded_ndcg(np.where(member, 2.0 ** (2 - steps) - 1, 0.0), member)

        parts = list(map_chunks(of_chunk, rankings(part, queries, distance)))
        value, expected = (np.concatenate([one[i] for one in parts]) for i in (0, 1))
        replicates = subject_replicates(
            value[:, None], part.subject[queries], names, settings.bootstrap, settings.seed
        )[:, 0]
        low, high = interval(replicates)
        short = int(np.isnan(value).sum())
        found.append(
            Score(
                GRADED,
                params,
                mean_of_site_means(value, names),
                int(np.isfinite(value).sum()),
                reason=f"{short} of {len(value)} queries have no gain or fewer than {DEPTH} scans" if short else "",
                ci_low=low,
                ci_high=high,
                chance=mean_of_site_means(expected, names),
                replicates=replicates,
            )
        )
    return found


def graded_ndcg(gain: Array, member: Array) -> tuple[Array, Array]:
    """Compute nDCG of the first ten and its expectation under a random order.

    Parameters
    ----------
    gain
        Shape (queries, ranks), best first, 0 for scans outside of the gallery.
    member
        Whether the scan at a rank is in the gallery; others take no rank.

    Returns
    -------
    tuple of numpy.ndarray
        Shape (queries,) each; NaN for a gallery of fewer than ten scans, or without any gain.
    """
    rank = np.cumsum(member, axis=1, dtype=np.int32)
    counted = member & (rank <= DEPTH)
    dcg = np.where(counted, gain * DISCOUNTS[np.minimum(np.maximum(rank, 1), DEPTH) - 1], 0.0).sum(axis=1)
    best = -np.sort(-np.where(member, gain, 0.0), axis=1)[:, :DEPTH]
    ideal = best @ DISCOUNTS[: best.shape[1]]
    size = member.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = gain.sum(axis=1) / size * DISCOUNTS.sum() / ideal
        value = dcg / ideal
    defined = (size >= DEPTH) & (ideal > 0)
    return np.where(defined, value, np.nan), np.where(defined, expected, np.nan)

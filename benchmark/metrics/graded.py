"""Graded relevance: MCI lies between CN and AD, and a search that confuses neighbours is less wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import interval, mean_of_site_means, subject_replicates
from benchmark.metrics.galleries import Codes, gallery_counts
from benchmark.metrics.query_quality import ONE_LABEL
from benchmark.metrics.ranked.ndcg import DEPTH, DISCOUNTS
from benchmark.metrics.retrieval import distance_params, nearest_scans
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

GRADED = Metric("retrieval", f"graded_nDCG@{DEPTH}", version=1, higher_is_better=True)

ORDER = ("CN", "MCI", "AD")


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """nDCG@10 in other sites' scans, with gain 2^g - 1, g = 2 for the query's diagnosis, 1 for the next, 0 else.

    The order is CN, MCI, AD (gain after Burges et al., ICML 2005; discount 1 / log2(rank + 1), Järvelin & Kekäläinen,
    ACM TOIS 2002). Of rankings of shape (queries, 10). In [0, 1], higher is better; needs ten scans in the gallery.
    Chance is exact: the mean gain of the gallery times the sum of discounts, over the ideal. Mean over query sites of
    each site's mean; interval over resamples of query subjects.

    Returns
    -------
    list of Score
        One a distance, none if it is not asked for; n counts defined queries; NaN with a reason without MCI, which
        leaves nothing to grade, where every gallery holds one label alone, without queries, or where the distance
        cannot be taken.
    """
    if not settings.graded:
        return []
    chosen = np.isin(scans.diagnosis, ORDER)
    part = scans.where(chosen)
    queries = np.flatnonzero(check_query_sites(scans, query_sites)[chosen])
    grade = np.array([ORDER.index(one) for one in part.diagnosis.tolist()], dtype=np.int64)
    codes = Codes.of(part)
    counts = gallery_counts(queries, codes, "other_sites", grade)
    steps = np.abs(np.arange(counts.shape[1]) - grade[queries, None])
    names = part.site[queries]
    found = []
    for distance in settings.every_distance:
        params = key_values(gallery="other_sites", label="CN<MCI<AD", **distance_params(scans, distance, settings))
        vectors, reason = vectors_of(part, distance).vectors, vectors_of(part, distance).reason
        reason = reason or ("" if len(queries) else "no query")
        reason = reason or _ungraded(grade, counts)
        if reason or vectors is None:
            found.append(Score(GRADED, params, math.nan, 0, reason=reason))
            continue

        nearest = nearest_scans(vectors, queries, codes, distance, "other_sites", DEPTH)
        gain = np.where(nearest >= 0, 2.0 ** (2 - np.abs(grade[nearest] - grade[queries, None])) - 1, 0.0)
        value, expected = graded_ndcg(gain, *(np.where(steps == step, counts, 0).sum(axis=1) for step in range(3)))
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


def _ungraded(grade: Integers, counts: Integers) -> str:
    # Shape of counts: (queries, labels). Where a gallery's gains are all equal, every ranking of it is perfect.
    if len(np.unique(grade)) == 1:
        return ONE_LABEL
    if counts.any() and ((counts > 0).sum(axis=1) <= 1).all():
        return "every scan of a query's gallery has the same label"
    return "" if 1 in grade else "no scan is MCI: nothing to grade"


def graded_ndcg(gain: Floats, same: Integers, next_to: Integers, far: Integers) -> tuple[Floats, Floats]:
    """Compute nDCG of the first ten and its expectation under a random order.

    Parameters
    ----------
    gain
        Gains of the first ten scans of each gallery, best first, shape (queries, 10).
    same, next_to, far
        Scans in the gallery with the query's diagnosis (gain 3), one step from it (gain 1), and two (gain 0), shape
        (queries,).

    Returns
    -------
    tuple of numpy.ndarray
        Shape (queries,) each; NaN for a gallery of fewer than ten scans, or without any gain.
    """
    up_to = np.concatenate([[0.0], np.cumsum(DISCOUNTS)])
    best = np.minimum(same, DEPTH)
    ideal = 3 * up_to[best] + up_to[np.minimum(same + next_to, DEPTH)] - up_to[best]
    size = same + next_to + far
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = (3 * same + next_to) / size * up_to[DEPTH] / ideal
        value = gain @ DISCOUNTS / ideal
    defined = (size >= DEPTH) & (ideal > 0)
    return np.where(defined, value, np.nan), np.where(defined, expected, np.nan)

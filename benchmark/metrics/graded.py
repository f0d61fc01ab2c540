"""Graded relevance: MCI lies between CN and AD, and a search that confuses neighbours is less wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.first_ranks import deep_enough, mean_of_queries
from benchmark.metrics.galleries import Codes, gallery_counts
from benchmark.metrics.query_quality import ONE_LABEL
from benchmark.metrics.ranking import DEPTH, DISCOUNTS
from benchmark.metrics.retrieval import nearest_scans
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.search import Search, SearchOptions, searches
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of
from benchmark.metrics.threads import reproducible

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

GRADED = Metric("retrieval", f"graded_nDCG@{DEPTH}", version=2, higher_is_better=True)

ORDER = ("CN", "MCI", "AD")


@reproducible()
def graded_ndcg(
    ldr: npt.ArrayLike,
    diagnosis: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    subject: npt.ArrayLike,
    **options: Unpack[SearchOptions],
) -> Estimate:
    """nDCG@10 in other sites' scans, with gain 2^g - 1, g = 2 for the query's diagnosis, 1 for the next, 0 else.

    The order is CN, MCI, AD (gain after Burges et al., ICML 2005; discount 1 / log2(rank + 1), Järvelin & Kekäläinen,
    ACM TOIS 2002). Of rankings of shape (queries, 10). In [0, 1], higher is better; needs ten scans in the gallery.
    Chance is exact: the mean gain of the gallery times the sum of discounts, over the ideal. Mean over query sites of
    each site's mean; interval over resamples of subjects, who query and are found (:mod:`benchmark.metrics.bootstrap`),
    to whose ideal order a subject that is not among the first ten adds nothing. Scans
    of other diagnoses are left out.

    Returns
    -------
    Estimate
        n counts defined queries; NaN with a note without MCI, which leaves nothing to grade, where every gallery holds
        one label alone, without queries, or where the distance cannot be taken.
    """
    search = Search.of(ldr, site=site, subject=subject, diagnosis=diagnosis, **options)
    return _graded(search)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`graded_ndcg`, one a distance, none if it is not asked for."""
    return [
        _graded(search).score(GRADED, search.params(gallery="other_sites", label="CN<MCI<AD"))
        for search in searches(scans, settings, query_sites)
        if settings.graded
    ]


def _graded(search: Search) -> Estimate:
    chosen = np.isin(search.scans.diagnosis, ORDER)
    part, queries = search.scans.where(chosen), np.flatnonzero(search.may_query[chosen])
    grade = np.array([ORDER.index(one) for one in part.diagnosis.tolist()], dtype=np.int64)
    codes = Codes.of(part)
    counts = gallery_counts(queries, codes, "other_sites", grade)
    vectors, note = vectors_of(part, search.distance)
    note = note or ("" if len(queries) else "no query") or _ungraded(grade, counts)
    if note or vectors is None:
        return Estimate(math.nan, 0, note=note)
    nearest = nearest_scans(vectors, queries, codes, search.distance, "other_sites", deep_enough(DEPTH, codes.subject))
    steps = np.abs(np.arange(counts.shape[1]) - grade[queries, None])
    of_subject = np.zeros((int(codes.subject.max()) + 1, len(ORDER)), np.int64)
    np.add.at(of_subject, (codes.subject, grade), 1)

    def ndcg(places: Integers, which: Integers, counts: Integers, needs: int) -> tuple[Floats, Floats]:
        distant = np.abs(grade[places] - grade[queries[which], None])
        gain = np.where(places >= 0, 2.0 ** (2 - distant) - 1, 0.0)
        same, next_to, far = (np.where(steps[which] == step, counts, 0).sum(axis=1) for step in range(3))
        return ndcg_of_gains(gain, same, next_to, far, needs)

    value, expected = ndcg(nearest[:, :DEPTH].astype(np.int64), np.arange(len(queries)), counts, DEPTH)

    def without_one(places: Integers, which: Integers, gone: Integers) -> Floats:
        # Its scans at the query's own site are in no such gallery: the ideal is then a little too low.
        fewer = counts[which] - of_subject[gone][:, : counts.shape[1]]
        new = ndcg(places, which, np.maximum(fewer, 0), 0)[0]
        # A gallery of which one subject has all the gain keeps its value.
        return np.where(np.isfinite(new), new, value[which])

    short = int(np.isnan(value).sum())
    note = f"{short} of {len(value)} queries have no gain or fewer than {DEPTH} scans" if short else ""
    both, names = (value, expected), part.site[queries]
    return mean_of_queries(part, queries, nearest, DEPTH, without_one, both, names, search.settings, note)


def _ungraded(grade: Integers, counts: Integers) -> str:
    # Shape of counts: (queries, labels). Where a gallery's gains are all equal, every ranking of it is perfect.
    if len(np.unique(grade)) == 1:
        return ONE_LABEL
    if counts.any() and ((counts > 0).sum(axis=1) <= 1).all():
        return "every scan of a query's gallery has the same label"
    return "" if 1 in grade else "no scan is MCI: nothing to grade"


def ndcg_of_gains(
    gain: Floats, same: Integers, next_to: Integers, far: Integers, needs: int = DEPTH
) -> tuple[Floats, Floats]:
    """Compute nDCG of the first ten and its expectation under a random order.

    Parameters
    ----------
    gain
        Gains of the first ten scans of each gallery, best first, shape (queries, 10).
    same, next_to, far
        Scans in the gallery with the query's diagnosis (gain 3), one step from it (gain 1), and two (gain 0), shape
        (queries,).
    needs
        Fewest scans of a gallery.

    Returns
    -------
    tuple of numpy.ndarray
        Shape (queries,) each; NaN for a gallery of fewer than that, or without any gain.
    """
    up_to = np.concatenate([[0.0], np.cumsum(DISCOUNTS)])
    best = np.minimum(same, DEPTH)
    ideal = 3 * up_to[best] + up_to[np.minimum(same + next_to, DEPTH)] - up_to[best]
    size = same + next_to + far
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = (3 * same + next_to) / size * up_to[DEPTH] / ideal
        value = gain @ DISCOUNTS / ideal
    defined = (size >= needs) & (ideal > 0)
    return np.where(defined, value, np.nan), np.where(defined, expected, np.nan)

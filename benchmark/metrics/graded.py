"""Graded relevance: MCI lies between CN and AD, and a search that confuses neighbours is less wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import Strata, bounded_interval, mean_of_site_means, means_without, replicates_of
from benchmark.metrics.galleries import Codes, gallery_counts
from benchmark.metrics.left_out import deep_enough, effects_on_first, site_weights
from benchmark.metrics.query_quality import ONE_LABEL
from benchmark.metrics.ranked.ndcg import DEPTH, DISCOUNTS
from benchmark.metrics.retrieval import distance_params, nearest_scans
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

GRADED = Metric("retrieval", f"graded_nDCG@{DEPTH}", version=2, higher_is_better=True)

ORDER = ("CN", "MCI", "AD")


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """nDCG@10 in other sites' scans, with gain 2^g - 1, g = 2 for the query's diagnosis, 1 for the next, 0 else.

    The order is CN, MCI, AD (gain after Burges et al., ICML 2005; discount 1 / log2(rank + 1), Järvelin & Kekäläinen,
    ACM TOIS 2002). Of rankings of shape (queries, 10). In [0, 1], higher is better; needs ten scans in the gallery.
    Chance is exact: the mean gain of the gallery times the sum of discounts, over the ideal. Mean over query sites of
    each site's mean; interval over resamples of subjects, who query and are found (:mod:`benchmark.metrics.bootstrap`),
    to whose ideal order a subject that is not among the first ten adds nothing.

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
    strata, everyone = Strata.of(part.subject, part.site), np.unique(part.subject)
    of_subject = np.zeros((len(everyone), len(ORDER)), np.int64)
    np.add.at(of_subject, (codes.subject, grade), 1)
    found = []
    for distance in settings.every_distance:
        params = key_values(gallery="other_sites", label="CN<MCI<AD", **distance_params(scans, distance, settings))
        vectors, reason = vectors_of(part, distance).vectors, vectors_of(part, distance).reason
        reason = reason or ("" if len(queries) else "no query")
        reason = reason or _ungraded(grade, counts)
        if reason or vectors is None:
            found.append(Score(GRADED, params, math.nan, 0, reason=reason))
            continue

        nearest = nearest_scans(vectors, queries, codes, distance, "other_sites", deep_enough(DEPTH, codes.subject))

        def gains(places: Integers, which: Integers) -> Floats:
            distant = np.abs(grade[places] - grade[queries[which], None])
            gain: Floats = np.where(places >= 0, 2.0 ** (2 - distant) - 1, 0.0)
            return gain

        places, which = nearest[:, :DEPTH].astype(np.int64), np.arange(len(queries))
        by_step = [np.where(steps == step, counts, 0).sum(axis=1) for step in range(3)]
        value, expected = graded_ndcg(gains(places, which), *by_step)

        def without_one(places: Integers, which: Integers, gone: Integers, value: Floats = value) -> Floats:
            # Its scans at the query's own site are in no such gallery: the ideal is then a little too low.
            fewer = counts[which] - np.where(gone[:, None] >= 0, of_subject[gone][:, : counts.shape[1]], 0)
            left = [np.where(steps[which] == step, np.maximum(fewer, 0), 0).sum(axis=1) for step in range(3)]
            new = graded_ndcg(gains(places, which), left[0], left[1], left[2], needs=0)[0]
            # A gallery of which one subject has all the gain keeps its value.
            return np.where(np.isfinite(new), new, value[which])

        weight = site_weights(np.isfinite(value)[:, None], codes.site[queries].astype(np.int64))[:, 0]
        effects = effects_on_first(nearest, queries, codes.subject, weight, strata.stratum, DEPTH, without_one)
        mean, without = means_without(value[:, None], part.subject[queries], names, everyone)
        both = (effects.change, effects.luck)
        replicates = replicates_of(mean, without, strata, settings.bootstrap, settings.seed, both)[:, 0]
        low, high = bounded_interval(replicates)
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


def graded_ndcg(
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

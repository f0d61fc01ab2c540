"""Ranks of methods: how sure they are, and whether they differ over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from benchmark.report.statistics.hierarchical import NOTHING, Bootstrap
from benchmark.report.statistics.runs import Floats, ScoreRuns
from benchmark.report.statistics.settings import LEVEL

#: Fewest methods and seeds for Friedman's test.
LEAST_METHODS, LEAST_BLOCKS = 3, 2


def rank_table(runs: ScoreRuns, bootstrap: Bootstrap, compared: pd.DataFrame) -> pd.DataFrame:
    """One row per method, with the columns ``ranks`` of :data:`benchmark.report.statistics.stored.TABLES`.

    ``rank`` is that of the mean over seeds, 1 being best in the score's direction, ties averaged, among the ``ranked``
    methods that miss no run. ``rank_low`` and ``rank_high`` are 1 plus the methods that are told apart from this one
    and better, and ``ranked`` less those that are told apart and worse, by the paired tests of the same score
    (``told_apart`` of :func:`benchmark.report.statistics.paired.comparisons`): a confidence set for the rank that
    cannot contradict the tests it is made of (Mogstad, Romano, Shaikh & Wilhelm, Review of Economic Studies 91, 2024).
    A pair that could not be tested is not told apart. ``probability_best`` is the share of resamples in which the
    method ranks first, ties for the first place sharing it, among the methods that were resampled. ``mean_rank`` is the
    mean over seeds of the rank within the seed, ``friedman_p`` Friedman's test that all methods rank alike, and
    ``critical_difference`` Nemenyi's: mean ranks that differ by more differ at 0.05 (:func:`critical_difference`);
    given for three or more methods and two or more seeds that share no test subjects.

    Parameters
    ----------
    runs, bootstrap
        One score of one protocol, and its bootstrap means.
    compared
        Comparisons of this score and protocol.

    Notes
    -----
    Primary comparisons are corrected over all primary scores, others over all pairs of their score. So the sets of the
    reference method hold at once with all primary tests at 0.05, those of all methods of one exploratory score at once
    at 0.05, and those of the other methods of a primary score at twice that at most.

    Demšar (Statistical comparisons of classifiers over multiple data sets, JMLR 7, 2006) takes data sets as blocks;
    here they are seeds, each a data set of its own on the phantom. Seeds that share subjects are not independent blocks
    and get no such test; ``probability_best`` takes them as independent, and is then too sure. With fewer than about 10
    blocks or 5 methods the chi-square approximation is poor (same paper). Nemenyi's test looks at ranks only; when
    Friedman's p is 0.05 or more, no pair should be called different. The bootstrap distribution of a rank is not
    consistent for methods that are truly equal (Hall and Miller, Annals of Statistics 37, 2009): ``probability_best``
    is stability under resampling, no test.
    """
    ranked = runs.complete
    rank, mean_rank = np.full(len(ranked), math.nan), np.full(len(ranked), math.nan)
    if ranked.any():
        rank[ranked] = ranks(runs.value[ranked].mean(axis=1)[:, None], runs.higher_is_better)[:, 0]
        mean_rank[ranked] = ranks(runs.value[ranked], runs.higher_is_better).mean(axis=1)
    friedman, critical = (math.nan, math.nan) if runs.shared else _friedman(runs.value[ranked])
    low, high = _sets(runs.methods, ranked, compared)
    best = _shares_of_best(bootstrap.means, runs.higher_is_better)
    return pd.DataFrame(
        {
            "protocol": runs.protocol,
            "score": runs.score,
            "method": runs.methods,
            "rank": rank,
            "rank_low": low,
            "rank_high": high,
            "probability_best": best,
            "covers": np.where(np.isfinite(best), bootstrap.covers, NOTHING),
            "ranked": int(ranked.sum()),
            "mean_rank": mean_rank,
            "blocks": len(runs.seeds),
            "friedman_p": friedman,
            "critical_difference": critical,
            "note": bootstrap.reason,
        }
    )


def ranks(values: Floats, higher_is_better: bool) -> Floats:
    """Rank of each method within each column, shape (methods, columns): 1 is best, ties averaged."""
    return np.asarray(rankdata(-values if higher_is_better else values, axis=0), np.float64)


def shares_of_first(rank: Floats) -> Floats:
    """Share of columns in which a method ranks first, shape (methods,), from ranks of shape (methods, columns).

    Methods that tie for the first place of a column share it; the result sums to 1.
    """
    first = rank == rank.min(axis=0)
    return np.asarray((first / first.sum(axis=0)).mean(axis=1))


def critical_difference(methods: int, blocks: int, level: float = LEVEL) -> float:
    """Nemenyi's critical difference of mean ranks: CD = q sqrt(k (k + 1) / (6 N)).

    q is the upper quantile of the studentized range of k means with infinite degrees of freedom, over sqrt(2)
    (Demšar 2006, table 5a).

    Parameters
    ----------
    methods
        k, at least 2.
    blocks
        N, at least 1.
    level
        Family-wise level over all pairs.
    """
    quantile = float(studentized_range.ppf(1 - level, methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * blocks))


def _friedman(values: Floats) -> tuple[float, float]:
    methods, blocks = values.shape
    if methods < LEAST_METHODS or blocks < LEAST_BLOCKS:
        return math.nan, math.nan
    if (np.ptp(values, axis=0) == 0).all():
        return 1.0, critical_difference(methods, blocks)
    return float(friedmanchisquare(*values).pvalue), critical_difference(methods, blocks)


def _sets(
    methods: Sequence[str], ranked: npt.NDArray[np.bool_], compared: pd.DataFrame
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    low, high = np.full((2, len(methods)), math.nan)
    low[ranked], high[ranked] = 1.0, float(ranked.sum())
    apart = compared[compared["told_apart"].astype(bool)]
    for a, b, better in apart[["method_a", "method_b", "better"]].itertuples(index=False):
        if better:
            high[methods.index(better)] -= 1
            low[methods.index(b if better == a else a)] += 1
    return low, high


def _shares_of_best(means: Floats, higher_is_better: bool) -> npt.NDArray[np.float64]:
    best = np.full(len(means), math.nan)
    drawn = np.isfinite(means).all(axis=1) & (means.shape[1] > 0)
    if drawn.any():
        best[drawn] = shares_of_first(ranks(means[drawn], higher_is_better))
    return best

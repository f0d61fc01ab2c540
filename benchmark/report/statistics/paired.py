"""Differences between methods, paired by seed and by resample, and whether they are more than chance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t, ttest_1samp
from statsmodels.stats.multitest import multipletests

from benchmark.errors import UserError
from benchmark.metrics.bootstrap import UNDEFINED_SHARE
from benchmark.report.statistics.bounds import is_bounded
from benchmark.report.statistics.hierarchical import NOTHING, Bootstrap
from benchmark.report.statistics.runs import Floats, ScoreRuns
from benchmark.report.statistics.settings import LEVEL, PRIMARY_SCORES
from benchmark.report.statistics.shared_subjects import subject_variance, variance_in_common
from benchmark.report.statistics.small_sample_interval import small_sample_interval
from benchmark.report.statistics.stored import TABLES

#: What a p-value can come from.
T_TEST, BOOTSTRAP_TEST, EQUAL, NO_TEST = "paired t over seeds", "bootstrap over subjects", "equal", "none"
SHARED_T_TEST = "paired t over seeds that share subjects"

#: Kinds of comparisons: declared before results were seen and corrected together, or whatever else can be looked at.
PRIMARY, EXPLORATORY = "primary", "exploratory"

#: Fewest seeds for a t-test.
LEAST_SEEDS = 3

#: Differences that are closer than this are the same but for rounding (replicates are stored in single precision).
ROUNDING = 1e-9


def comparisons(
    scores: Sequence[tuple[ScoreRuns, Bootstrap]],
    reference: str | None = None,
    primary_scores: Sequence[str] = PRIMARY_SCORES,
) -> pd.DataFrame:
    """Compare methods pair by pair, for every score and protocol.

    ``difference`` is b - a, of means over seeds; ``ci_low`` and ``ci_high`` its 95 % interval under the
    hierarchical bootstrap, where both methods get the same seeds and subjects, stretched where there are few seeds
    (:func:`benchmark.report.statistics.small_sample_interval.small_sample_interval`). ``p`` is two-sided:

    - ``paired t over seeds``, with three or more seeds whose differences vary: t = mean(d) sqrt(S) / sd(d) with
      S - 1 degrees of freedom over the seeds' differences d;
    - ``paired t over seeds that share subjects``, where they do: t = mean(d) / sqrt(v + c), with v = sd(d)^2 / S, c the
      variance that the shared subjects give to all seeds (:mod:`benchmark.report.statistics.shared_subjects`), and
      (S - 1) (v + c)^2 / v^2 degrees of freedom (Satterthwaite, Biometrics Bulletin 2, 1946), S - 1 where c comes from
      the seeds themselves;
    - ``bootstrap over subjects`` otherwise: with d* the mean over seeds of the differences on a resample,
      p = (1 + number of resamples with abs(d* - d) >= abs(d)) / (1 + resamples), the bootstrap distribution shifted
      to the null (Davison and Hinkley 1997, section 4.4). The seeds are taken as they are, and d* is stretched where
      they share subjects but do not draw them together;
    - ``equal``, p = 1, where both have the same value in every seed;
    - ``none``, p NaN with a reason, otherwise.

    ``kind`` is ``primary`` for the comparisons of the reference with every other method on the primary scores, which
    are declared before any result is there, and ``exploratory`` for the rest. Within a protocol the p-values of the
    primary comparisons are corrected together after Holm (1979): ``p_holm``, NaN for the others, and ``beyond_chance``,
    which is p_holm < 0.05. An exploratory p is one of many that nobody declared, and no claim. ``p_of_score`` is p
    after Holm's correction over all pairs of the score, and ``told_apart``, from which the ranks are made, is
    ``beyond_chance`` of a primary comparison and p_of_score < 0.05 of another. ``better`` names the method with the
    better mean, whatever the p. ``resamples`` is the number of those that p rests on, 0 for the other tests.
    ``standard_error`` is that of the difference: the standard deviation of its bootstrap means or, where that is
    larger, sqrt(v + c), because a bootstrap over few seeds is too narrow.

    Parameters
    ----------
    scores
        Runs and bootstrap means, one a score and protocol.
    reference
        Method of the primary comparisons, which is ``method_a`` in its pairs; in all others it is the first in the
        alphabet. None for no primary comparison.
    primary_scores
        Keys of the scores of the primary comparisons.

    Returns
    -------
    pandas.DataFrame
        With the columns ``comparisons`` of :data:`benchmark.report.statistics.stored.TABLES`, a row per protocol, score
        and pair.

    Notes
    -----
    Limits. A t-test over three to five seeds sees large differences only, and assumes that the seeds' differences are
    about normal. The test over subjects says nothing of other seeds and cannot be smaller than 1 / (1 + resamples).
    An interval without 0 is not a test of one difference among many: use p_holm. With two seeds the interval covers
    other seeds and the test does not, so that they can disagree. Scores are
    strongly correlated, which makes Holm's correction conservative.

    Raises
    ------
    UserError
        If the reference is not among the methods.
    """
    rows = [row for runs, bootstrap in scores for row in _rows(runs, bootstrap, reference, primary_scores)]
    table = pd.DataFrame(rows, columns=list(TABLES["comparisons"]))
    tested = table[table["p"].notna()]
    for _, group in tested[tested["kind"] == PRIMARY].groupby("protocol"):
        table.loc[group.index, "p_holm"] = multipletests(group["p"].to_numpy(float), method="holm")[1]
    for _, group in tested.groupby(["protocol", "score"]):
        table.loc[group.index, "p_of_score"] = multipletests(group["p"].to_numpy(float), method="holm")[1]
    table["beyond_chance"] = table["p_holm"] < LEVEL
    table["told_apart"] = table["p_of_score"].where(table["kind"] != PRIMARY, table["p_holm"]) < LEVEL
    return table


def _rows(
    runs: ScoreRuns, bootstrap: Bootstrap, reference: str | None, primary_scores: Sequence[str]
) -> Iterator[dict[str, Any]]:
    bounds = (-1.0, 1.0) if is_bounded(runs.table, runs.metric) else (-math.inf, math.inf)
    for a, b in _pairs(runs.methods, reference):
        means = runs.value[[a, b]].mean(axis=1)
        drawn = bootstrap.means[b] - bootstrap.means[a]
        replicates = [each[b] - each[a] for each in runs.replicates]
        differences = runs.value[b] - runs.value[a]
        low, high = small_sample_interval(differences, replicates, drawn, bounds, runs.shared)
        test, resamples, p, reason = _test(runs, a, b)
        yield {
            "protocol": runs.protocol,
            "score": runs.score,
            "method_a": runs.methods[a],
            "method_b": runs.methods[b],
            "kind": PRIMARY if runs.methods[a] == reference and runs.score in primary_scores else EXPLORATORY,
            "a": float(means[0]),
            "b": float(means[1]),
            "difference": float(means[1] - means[0]),
            "ci_low": low,
            "ci_high": high,
            "covers": bootstrap.covers if math.isfinite(low) else NOTHING,
            "standard_error": _standard_error(
                differences, drawn, variance_in_common(differences, replicates, runs.shared)
            ),
            "test": test,
            "resamples": resamples,
            "p": p,
            "p_holm": math.nan,
            "beyond_chance": False,
            "p_of_score": math.nan,
            "told_apart": False,
            "better": _better(runs, a, b),
            "seeds": len(runs.seeds),
            "n": int(runs.n[[a, b]].min()),
            "note": reason,
        }


def _pairs(methods: Sequence[str], reference: str | None) -> list[tuple[int, int]]:
    if reference is None:
        return list(combinations(range(len(methods)), 2))
    if reference not in methods:
        raise UserError(f"reference: no method '{reference}'; methods with results: {', '.join(methods)}")
    first = methods.index(reference)
    others = [place for place in range(len(methods)) if place != first]
    return [*((first, other) for other in others), *combinations(others, 2)]


def _test(runs: ScoreRuns, a: int, b: int) -> tuple[str, int, float, str]:
    gaps = [f"{runs.methods[one]}: {runs.reason[one]}" for one in (a, b) if runs.reason[one]]
    if gaps:
        return NO_TEST, 0, math.nan, "; ".join(gaps)
    differences = runs.value[b] - runs.value[a]
    if not differences.any():
        return EQUAL, 0, 1.0, ""
    if len(differences) >= LEAST_SEEDS and np.ptp(differences) > ROUNDING:
        if runs.shared:
            return _shared_t_test(differences, [each[b] - each[a] for each in runs.replicates], runs.shared)
        return T_TEST, 0, float(ttest_1samp(differences, 0.0).pvalue), ""
    return _bootstrap_test(runs, a, b, float(differences.mean()))


def _shared_t_test(differences: Floats, replicates: Sequence[Floats], shared: float) -> tuple[str, int, float, str]:
    common = variance_in_common(differences, replicates, shared)
    if math.isnan(common):
        return NO_TEST, 0, math.nan, "all seeds have the same test subjects, over which the score is not resampled"
    own = float(differences.var(ddof=1)) / len(differences)
    freedom = float(len(differences) - 1)
    if subject_variance(replicates):
        freedom *= ((own + common) / own) ** 2
    return SHARED_T_TEST, 0, float(2 * t.sf(abs(differences.mean()) / math.sqrt(own + common), freedom)), ""


def _bootstrap_test(runs: ScoreRuns, a: int, b: int, observed: float) -> tuple[str, int, float, str]:
    shared = min(each.shape[1] for each in runs.replicates)
    drawn = np.mean([each[b, :shared] - each[a, :shared] for each in runs.replicates], axis=0)
    if runs.shared:
        seeds = len(runs.seeds)
        of_subjects = subject_variance([each[b] - each[a] for each in runs.replicates])
        drawn = _stretched(drawn, of_subjects * (1 + (seeds - 1) * runs.shared) / seeds)
    p, resamples = resampling_p(drawn, observed)
    if not resamples:
        return NO_TEST, 0, math.nan, "too few seeds for a t-test, and too few resamples of subjects"
    return BOOTSTRAP_TEST, resamples, p, ""


def _stretched(drawn: Floats, variance: float) -> Floats:
    """Differences on resamples, moved away from their mean to a variance where theirs is smaller."""
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < 2 or not 0 < float(defined.var(ddof=1)) < variance:
        return drawn
    middle = float(defined.mean())
    moved: Floats = middle + math.sqrt(variance / float(defined.var(ddof=1))) * (drawn - middle)
    return moved


def resampling_p(drawn: Floats, observed: float) -> tuple[float, int]:
    """P of a difference, from the differences on resamples, shape (resamples,), and on how many of them it rests.

    p is NaN and rests on none where more than 5 % of the resamples are undefined, or fewer than two are there.
    """
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < max((1 - UNDEFINED_SHARE) * len(drawn), 2):
        return math.nan, 0
    as_far = int((np.abs(defined - observed) >= abs(observed) - ROUNDING).sum())
    return (as_far + 1) / (len(defined) + 1), len(defined)


def _standard_error(differences: Floats, drawn: Floats, common: float) -> float:
    if not np.isfinite(differences).all():
        return math.nan
    of_bootstrap = float(drawn.std(ddof=1)) if len(drawn) and np.isfinite(drawn).all() else math.nan
    over_seeds = float(differences.std(ddof=1)) / math.sqrt(len(differences)) if len(differences) > 1 else math.nan
    over_seeds = math.hypot(over_seeds, math.sqrt(common))
    finite = [each for each in (of_bootstrap, over_seeds) if math.isfinite(each)]
    return max(finite, default=math.nan)


def _better(runs: ScoreRuns, a: int, b: int) -> str:
    difference = float(runs.value[b].mean() - runs.value[a].mean())
    if not math.isfinite(difference) or difference == 0:
        return ""
    return runs.methods[b if (difference > 0) == runs.higher_is_better else a]

"""Coverage of intervals and size of paired tests, from the scores of many data sets."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from benchmark.metrics.rows import Score
from benchmark.report.statistics.paired import resampling_p
from benchmark.report.statistics.settings import LEVEL

#: Parameters that tell the rows of a metric apart; others say how.
_TELLING = ("gallery", "label", "probe", "coordinates")

#: Columns of the counts.
COUNT_COLUMNS = ("score", "data_sets", "mean", "sd", "estimated_sd", "coverage", "no_interval", "size")


def counts(scored: Iterable[tuple[Sequence[Score], Sequence[Score]]]) -> pd.DataFrame:
    """Coverage and size of every score that is resampled.

    Parameters
    ----------
    scored
        Scores of two exchangeable methods, a pair of lists per data set.

    Returns
    -------
    pandas.DataFrame
        With the columns :data:`COUNT_COLUMNS`: ``mean`` and ``sd`` of the first method's value over data sets, in new
        data of the same size; ``estimated_sd``, the root of the mean variance of its replicates; ``coverage``, the
        share of its intervals that hold the mean; ``no_interval``, the share of data sets without one; ``size``, the
        share in which the paired test rejects, at 0.05, that the two are equally good.
    """
    found: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for first, second in scored:
        others = {score_name(score): score for score in second if not score.subgroup}
        for score in first:
            if score.replicates is None or score.subgroup or score_name(score) not in others:
                continue
            other = others[score_name(score)]
            assert_same = other.replicates
            p = math.nan
            if assert_same is not None:
                p = resampling_p(assert_same - score.replicates, other.value - score.value)[0]
            variance = float(np.var(score.replicates))
            found[score_name(score)].append((score.value, score.ci_low, score.ci_high, variance, p))
    rows = []
    for name, values in sorted(found.items()):
        value, low, high, variance, p = np.array(values).T
        mean, there = float(np.nanmean(value)), np.isfinite(low)
        holds = (low <= mean) & (mean <= high)
        rows.append(
            (
                name,
                len(value),
                mean,
                float(np.nanstd(value, ddof=1)),
                float(np.sqrt(np.nanmean(variance))),
                float(holds[there].mean()) if there.any() else math.nan,
                float((~there).mean()),
                float((p[np.isfinite(p)] < LEVEL).mean()) if np.isfinite(p).any() else math.nan,
            )
        )
    return pd.DataFrame(rows, columns=list(COUNT_COLUMNS))


def score_name(score: Score) -> str:
    """A score's table, metric and what tells its rows apart."""
    told = [score.params[key] for key in _TELLING if key in score.params]
    return " ".join([score.metric.table, score.metric.name, *told])

"""Mean of every method and score over seeds, with its interval."""

from __future__ import annotations

import math

import pandas as pd

from benchmark.report.statistics.bounds import is_bounded
from benchmark.report.statistics.hierarchical import NOTHING, Bootstrap
from benchmark.report.statistics.runs import ScoreRuns
from benchmark.report.statistics.small_sample_interval import small_sample_interval


def interval_table(runs: ScoreRuns, bootstrap: Bootstrap) -> pd.DataFrame:
    """One row per method, with the columns ``intervals`` of :data:`benchmark.report.statistics.stored.TABLES`.

    ``value`` is the mean over seeds of the mean over held-out sites, NaN with a reason where a run is missing;
    ``ci_low`` and ``ci_high`` the 95 % interval of its bootstrap means, stretched where there are few seeds
    (:mod:`benchmark.report.statistics.small_sample_interval`) and cut where the score is bounded, NaN with a
    reason where there are none; ``covers`` says which variation it holds; ``n`` the items of the seed with the fewest.
    """
    bounds = (0.0, 1.0) if is_bounded(runs.table, runs.metric) else (-math.inf, math.inf)
    ends = [
        small_sample_interval(
            value, [each[place] for each in runs.replicates], bootstrap.means[place], bounds, runs.shared
        )
        for place, value in enumerate(runs.value)
    ]
    return pd.DataFrame(
        {
            "protocol": runs.protocol,
            "score": runs.score,
            "table": runs.table,
            "metric": runs.metric,
            "method": runs.methods,
            "value": [float(value.mean()) for value in runs.value],
            "ci_low": [low for low, _ in ends],
            "ci_high": [high for _, high in ends],
            "covers": [NOTHING if math.isnan(low) else bootstrap.covers for low, _ in ends],
            "seeds": len(runs.seeds),
            "sites": runs.sites,
            "n": runs.n,
            "higher_is_better": runs.higher_is_better,
            "note": bootstrap.reason,
        }
    )

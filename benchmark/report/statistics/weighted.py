"""One weighted score over several columns, and how much the ranking depends on the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmark.errors import UserError
from benchmark.report.statistics.bounds import is_bounded
from benchmark.report.statistics.paired import ROUNDING
from benchmark.report.statistics.ranks import ranks, shares_of_first
from benchmark.report.statistics.runs import Floats
from benchmark.report.summary import known_first
from benchmark.seeds import generator

#: Random weightings, all of which are equally likely, whatever the weights declared.
DRAWS = 1000


def weighted_scores(intervals: pd.DataFrame, weights: Mapping[str, float]) -> pd.DataFrame:
    """Weighted mean of oriented scores per protocol and method: sum_i w_i u_i / sum_i w_i, in [0, 1], higher is better.

    u is the value, or one minus it where lower is better. Such a sum hides what it is made of: whoever prints it
    prints the raw values beside it, and the sensitivity to the weights that is given here.

    Parameters
    ----------
    intervals
        Means per protocol, score and method
        (:attr:`benchmark.report.statistics.summary.Statistics.intervals`).
    weights
        Positive weight per column key; only scores bounded in [0, 1].

    Returns
    -------
    pandas.DataFrame
        ``protocol`` and ``method``; ``weighted``, NaN with a reason where a part is missing; ``rank``
        among the ``ranked`` methods that miss nothing, 1 being best, ties averaged; ``share_best`` the share of
        random weightings under which the method ranks first, ties shared; ``rank_best`` and ``rank_worst`` its
        extreme ranks among them.

    Raises
    ------
    UserError
        For a column that is not there or not bounded in [0, 1], a weight that is not positive, or no weight.
    """
    keys = sorted(weights)
    _check(intervals, weights)
    declared = np.array([float(weights[key]) for key in keys])
    random = generator(0, "weights").dirichlet(np.ones(len(keys)), DRAWS)
    parts = []
    for protocol in known_first(intervals["protocol"]):
        part = intervals[(intervals["protocol"] == protocol) & intervals["score"].isin(keys)]
        utility = part["value"].where(part["higher_is_better"].astype(bool), 1 - part["value"])
        wide = part.assign(utility=utility).pivot(index="method", columns="score", values="utility")
        everyone = sorted(intervals.loc[intervals["protocol"] == protocol, "method"].unique())
        wide = wide.reindex(index=everyone, columns=keys)
        parts.append(_rated(wide, declared / declared.sum(), random).assign(protocol=protocol))
    return pd.concat(parts, ignore_index=True)


def _rated(wide: pd.DataFrame, declared: Floats, random: Floats) -> pd.DataFrame:
    utility = wide.to_numpy(np.float64)
    complete = np.isfinite(utility).all(axis=1)
    rank, best, low, high = np.full((4, len(utility)), math.nan)
    if complete.any():
        rank[complete] = ranks((utility[complete] @ declared)[:, None], True)[:, 0]
        sampled = ranks(utility[complete] @ random.T, True)
        best[complete], low[complete], high[complete] = (
            shares_of_first(sampled),
            sampled.min(axis=1),
            sampled.max(axis=1),
        )
    missing = [", ".join(wide.columns[~there]) for there in np.isfinite(utility)]
    return pd.DataFrame(
        {
            "method": wide.index,
            "weighted": [float(own @ declared) for own in utility],
            "rank": rank,
            "share_best": best,
            "rank_best": low,
            "rank_worst": high,
            "ranked": int(complete.sum()),
            "note": [f"missing: {names}" if names else "" for names in missing],
        }
    )


def _check(intervals: pd.DataFrame, weights: Mapping[str, float]) -> None:
    if not weights:
        raise UserError("weights: none given; give a positive weight for one or more columns")
    shown = intervals.drop_duplicates("score").set_index("score")
    for key in sorted(weights):
        if key not in shown.index:
            raise UserError(f"weights: no column '{key}'; columns with scores: {', '.join(sorted(shown.index))}")
        if not (math.isfinite(weights[key]) and weights[key] > 0):
            raise UserError(f"weights: {weights[key]} for '{key}' is not allowed; it must be a positive number")
        values = intervals.loc[intervals["score"] == key, "value"].dropna()
        bounded = is_bounded(str(shown.loc[key, "table"]), str(shown.loc[key, "metric"]))
        if not bounded or not values.between(-ROUNDING, 1 + ROUNDING).all():
            raise UserError(f"weights: '{key}' is not bounded in [0, 1]; only scores that are can be weighted")

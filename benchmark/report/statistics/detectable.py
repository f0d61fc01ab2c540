"""Smallest difference between two methods that a design can be expected to find."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import chi2, norm, t

from benchmark.report.statistics.paired import PRIMARY
from benchmark.report.statistics.settings import LEVEL

#: Points that stand for the distribution of the standard deviation over seeds.
_SPREADS = 10_000

#: Columns of the table.
DETECTABLE_COLUMNS = (
    "protocol",
    "score",
    "n",
    "seeds",
    "pairs",
    "standard_error",
    "detectable",
    "tests",
    "detectable_corrected",
    "note",
)


def detectable_differences(comparisons: pd.DataFrame, power: float = 0.8) -> pd.DataFrame:
    """Smallest true difference that a two-sided test at 0.05 finds with the power wanted, per score and protocol.

    The median over pairs of the standard error of the paired difference, times :func:`multiplier`, which is about
    quantile(1 - level/2) + quantile(power) of t with seeds - 1 degrees of freedom (Bloom, Evaluation Review 19,
    1995), or of the normal distribution for one seed. A difference in a table that is smaller than this says little,
    and its absence from the differences beyond chance says nothing.

    Parameters
    ----------
    comparisons
        As :func:`benchmark.report.statistics.paired.comparisons` gives them.
    power
        In (0.5, 1).

    Returns
    -------
    pandas.DataFrame
        With the columns :data:`DETECTABLE_COLUMNS`: ``n`` the fewest items (queries, scans) and ``seeds`` behind a
        value; ``detectable`` without correction; ``detectable_corrected`` at level 0.05 / ``tests``, where ``tests``
        is the number of primary comparisons that were tested in the protocol, which is what Holm's correction asks of
        the smallest p; 0 and NaN for an exploratory score. NaN with a reason where no pair has a standard error.

    Notes
    -----
    With one seed the standard error holds the subjects only, so what is detectable is a difference for that seed's
    training and data, not for others. With two, t has one degree of freedom and next to nothing is detectable.
    """
    primary = comparisons[comparisons["kind"] == PRIMARY]
    tests = primary[primary["p"].notna()].groupby("protocol").size()
    rows = [
        _row(
            str(protocol),
            str(score),
            group,
            int(tests.get(protocol, 0)) if (group["kind"] == PRIMARY).any() else 0,
            power,
        )
        for (protocol, score), group in comparisons.groupby(["protocol", "score"], sort=False)
    ]
    return pd.DataFrame(rows, columns=list(DETECTABLE_COLUMNS))


@cache
def multiplier(seeds: int, power: float, level: float = LEVEL) -> float:
    """Standard errors that a difference must measure to be found with the power, at a two-sided level.

    The d that solves P(abs(T) > c) = power, with T noncentral t of noncentrality d and seeds - 1 degrees of freedom
    and c the quantile of t at 1 - level/2; normal for one seed. The usual sum of two t quantiles is its
    approximation for many degrees of freedom: with five seeds it is 1 % too small at level 0.05, and 9 % at 0.05/28.
    """
    if seeds < 2:
        return float(norm.ppf(1 - level / 2) + norm.ppf(power))
    critical = float(t(seeds - 1).ppf(1 - level / 2))
    # T = (normal + d) / spread: the power is averaged over equally likely values of the spread.
    middles = (np.arange(_SPREADS) + 0.5) / _SPREADS
    limits = critical * np.sqrt(chi2.ppf(middles, seeds - 1) / (seeds - 1))

    def lacking(distance: float) -> float:
        return float(np.mean(norm.cdf(distance - limits) + norm.cdf(-distance - limits))) - power

    return float(brentq(lacking, 0.0, limits.max() + 10))


def _row(protocol: str, score: str, pairs: pd.DataFrame, tests: int, power: float) -> dict[str, Any]:
    known = pairs[pairs["standard_error"].notna()]
    seeds = int(pairs["seeds"].iloc[0])
    error = float(known["standard_error"].median()) if len(known) else math.nan
    return {
        "protocol": protocol,
        "score": score,
        "n": int(known["n"].min()) if len(known) else 0,
        "seeds": seeds,
        "pairs": len(known),
        "standard_error": error,
        "detectable": multiplier(seeds, power) * error,
        "tests": tests,
        "detectable_corrected": multiplier(seeds, power, LEVEL / tests) * error if tests else math.nan,
        "note": "" if len(known) else "no pair has a standard error",
    }

"""Smallest difference between two methods that a design can be expected to find."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import chi2, norm, t

from benchmark.report.statistics.paired import PRIMARY
from benchmark.report.statistics.settings import LEVEL, POWER
from benchmark.report.statistics.stored import TABLES

#: Points that stand for the distribution of the standard deviation over seeds.
_SPREADS = 10_000


def detectable_differences(comparisons: pd.DataFrame) -> pd.DataFrame:
    """Smallest true difference that a two-sided test at 0.05 finds with 80 % power, per score and protocol.

    The median over pairs of the standard error of the paired difference, times :func:`multiplier`, which is about
    quantile(1 - level/2) + quantile(power) of t with seeds - 1 degrees of freedom (Bloom, Evaluation Review 19,
    1995), or of the normal distribution for one seed. A difference in a table that is smaller than this says little,
    and its absence from the differences beyond chance says nothing.

    Parameters
    ----------
    comparisons
        As :func:`benchmark.report.statistics.paired.comparisons` gives them.

    Returns
    -------
    pandas.DataFrame
        With the columns ``detectable`` of :data:`benchmark.report.statistics.stored.TABLES`: ``n`` the fewest items
        (queries, scans) and ``seeds`` behind a value; ``detectable`` without correction; ``detectable_corrected`` at
        level 0.05 / ``tests``, where ``tests`` is the number of primary comparisons that were tested in the protocol,
        which is what Holm's correction asks of the smallest p; 0 and NaN for an exploratory score. NaN with a note
        where no pair has a standard error.

    Notes
    -----
    With one seed the standard error holds the subjects only, so what is detectable is a difference for that seed's
    training and data, not for others. With two, t has one degree of freedom and next to nothing is detectable. Where
    seeds share test subjects the standard error holds what these give to all seeds; the multiplier is that of the seeds
    alone, which is then larger than need be.
    """
    primary = comparisons[comparisons["kind"] == PRIMARY]
    tests = primary[primary["p"].notna()].groupby("protocol").size()
    rows = []
    for (protocol, score), pairs in comparisons.groupby(["protocol", "score"], sort=False):
        errors = pairs["standard_error"].dropna()
        error, seeds = float(errors.median()), int(pairs["seeds"].iloc[0])
        tested = int(tests.get(protocol, 0)) if (pairs["kind"] == PRIMARY).any() else 0
        rows.append(
            {
                "protocol": protocol,
                "score": score,
                "n": int(pairs.loc[errors.index, "n"].min()) if len(errors) else 0,
                "seeds": seeds,
                "pairs": len(errors),
                "standard_error": error,
                "detectable": multiplier(seeds) * error,
                "tests": tested,
                "detectable_corrected": multiplier(seeds, LEVEL / tested) * error if tested else math.nan,
                "note": "" if len(errors) else "no pair has a standard error",
            }
        )
    return pd.DataFrame(rows, columns=list(TABLES["detectable"]))


@cache
def multiplier(seeds: int, level: float = LEVEL) -> float:
    """Standard errors that a difference must measure to be found with a power of :data:`POWER`, at a two-sided level.

    The d that solves P(abs(T) > c) = power, with T noncentral t of noncentrality d and seeds - 1 degrees of freedom
    and c the quantile of t at 1 - level/2; normal for one seed. The usual sum of two t quantiles is its
    approximation for many degrees of freedom: with five seeds it is 1 % too small at level 0.05, and 9 % at 0.05/28.
    """
    if seeds < 2:
        return float(norm.ppf(1 - level / 2) + norm.ppf(POWER))
    critical = float(t(seeds - 1).ppf(1 - level / 2))
    # T = (normal + d) / spread: the power is averaged over equally likely values of the spread.
    middles = (np.arange(_SPREADS) + 0.5) / _SPREADS
    limits = critical * np.sqrt(chi2.ppf(middles, seeds - 1) / (seeds - 1))

    def lacking(distance: float) -> float:
        return float(np.mean(norm.cdf(distance - limits) + norm.cdf(-distance - limits))) - POWER

    return float(brentq(lacking, 0.0, limits.max() + 10))

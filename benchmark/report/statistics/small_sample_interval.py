"""Interval of a mean over few seeds: the shape of the bootstrap, the width of Student's t."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm, t

from benchmark.report.statistics.hierarchical import percentile_interval
from benchmark.report.statistics.runs import Floats
from benchmark.report.statistics.settings import LEVEL
from benchmark.report.statistics.shared_subjects import subject_variance, variance_in_common


def small_sample_interval(
    values: Floats,
    replicates: Sequence[Floats],
    means: Floats,
    bounds: tuple[float, float] = (-math.inf, math.inf),
    shared: float = 0.0,
) -> tuple[float, float]:
    """95 % interval of a mean over seeds, from its bootstrap means, stretched to the width that few seeds need.

    With q_low and q_high the percentiles of the bootstrap means, m their mean and d the mean of the S seeds' values,
    the interval is d + k (q_low - m) to d + k (q_high - m). The factor k gives it the half-width

        h = sqrt(max(t(S - 1) s, z sqrt((1 - f) w))^2 / S + z^2 f w)

    where t(S - 1) and z are the 0.975 quantiles of Student's t with S - 1 degrees of freedom and of the normal
    distribution, s the standard deviation of the seeds' values (sample SD), and w the mean over seeds of the variance
    over resampled subjects. A seed's value varies with its training, its data and its subjects, so s holds all of
    them; w keeps seeds that agree by luck from an interval narrower than that of their subjects. f is the share of test
    subjects that two seeds have in common, of which s sees nothing
    (:mod:`benchmark.report.statistics.shared_subjects`); 0 where each seed is a data set of its own.

    Parameters
    ----------
    values
        Value of every seed, shape (seeds,).
    replicates
        Values on resamples of the subjects, one array of shape (resamples,) a seed; NaN or empty where not resampled.
    means
        Bootstrap means over seeds, shape (draws,), as
        :func:`benchmark.report.statistics.hierarchical.hierarchical_bootstrap` gives them.
    bounds
        Smallest and largest value that the mean can have; the interval is cut there.
    shared
        f, in [0, 1].

    Returns
    -------
    tuple of float
        Lower and upper end. With one seed the percentile interval of its subjects, NaN if it has no width; NaN where
        there are no bootstrap means, a seed has no value, or all seeds have the same test subjects and none of them
        were resampled.

    Notes
    -----
    A percentile interval of few seeds is too narrow: the variance over S drawn seeds is (S - 1)/S of the unbiased one,
    normal quantiles stand in for those of t, and no drawn mean lies beyond the extreme seeds. Hesterberg (What teachers
    should know about the bootstrap, The American Statistician 69, 2015) widens it by taking percentiles
    further out. With two or three seeds there are none further out, hence our departure: the same correction as a
    factor on the distance from the mean.

    Coverage of nominal 95 % in simulations of 3,000 experiments each, for 2, 3, 5 and 10 seeds: where only seeds vary,
    normally, 95 %, 94 %, 95 % and 95 % (the percentile interval's: 49 %, 74 %, 83 % and 90 %); where subjects vary as
    much as seeds, 98 %, 97 %, 96 % and 95 %; where only subjects vary, 99 %, 99 %, 98 % and 97 %; where only seeds vary
    and are skewed (gamma distribution of shape 2), 94 %, 92 %, 91 % and 93 %. Two seeds say next to nothing of others,
    and the interval says so: t is 12.7.
    """
    low, high = percentile_interval(means)
    seeds = len(values)
    if seeds < 2 and low < high:
        return float(np.clip(low, *bounds)), float(np.clip(high, *bounds))
    if seeds < 2 or not math.isfinite(low):
        # One seed whose value no subject changes: an interval without width would deny that another might.
        return math.nan, math.nan
    if not np.isfinite(values).all():
        return math.nan, math.nan
    if high == low:
        # Every seed and every resample agrees: there is nothing to stretch.
        return low, high
    of_seeds = float(t(seeds - 1).ppf(1 - LEVEL / 2)) * float(values.std(ddof=1))
    normal = float(norm.ppf(1 - LEVEL / 2))
    of_subjects = normal * math.sqrt(subject_variance(replicates) * (1 - shared))
    common = normal * math.sqrt(variance_in_common(values, replicates, shared))
    if math.isnan(common):
        return math.nan, math.nan
    factor = math.hypot(max(of_seeds, of_subjects) / math.sqrt(seeds), common) / ((high - low) / 2)
    centre, middle = float(values.mean()), float(means.mean())
    ends = (centre + factor * (low - middle), centre + factor * (high - middle))
    return float(np.clip(ends[0], *bounds)), float(np.clip(ends[1], *bounds))

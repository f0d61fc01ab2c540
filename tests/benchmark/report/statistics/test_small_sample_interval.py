"""Intervals over few seeds: by hand, against scipy's t, and their coverage on data of known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_1samp

from benchmark.report.statistics.hierarchical import hierarchical_bootstrap, percentile_interval
from benchmark.report.statistics.intervals import interval_table
from benchmark.report.statistics.paired import comparisons
from benchmark.report.statistics.small_sample_interval import small_sample_interval

pytestmark = pytest.mark.slow


def interval(runs, resamples=400, seed=0):
    row = interval_table(runs, hierarchical_bootstrap(runs, resamples, seed)).iloc[0]
    return row["ci_low"], row["ci_high"]


def test_two_seeds_by_hand():
    # Seeds at 0.4 and 0.6: mean 0.5, sd 0.2 / sqrt(2) = 0.1414, t(1) = 12.706: h = 12.706 * 0.1414 / sqrt(2) = 1.2706.
    # The drawn means are 0.4, 0.5, 0.6, symmetric about 0.5, so the interval is too.
    means = np.array([0.4] * 25 + [0.5] * 50 + [0.6] * 25)
    nothing = [np.zeros(0)] * 2
    assert small_sample_interval(np.array([0.4, 0.6]), nothing, means) == pytest.approx((-0.7706, 1.7706), abs=1e-4)
    assert small_sample_interval(np.array([0.4, 0.6]), nothing, means, (0, 1)) == (0, 1)


def test_shape_is_that_of_the_bootstrap():
    # The drawn means reach twice as far up as down; whatever the width, so does the interval.
    means = np.concatenate([np.full(500, 0.4), np.full(250, 0.5), np.full(250, 0.7)])
    values = np.array([0.45, 0.48, 0.57])
    low, high = small_sample_interval(values, [np.zeros(0)] * 3, means)
    assert (high - 0.5) / (0.5 - low) == pytest.approx((0.7 - means.mean()) / (means.mean() - 0.4))
    width = ttest_1samp(values, 0).confidence_interval()
    assert high - low == pytest.approx(width.high - width.low)


def test_seeds_that_agree_by_luck_have_the_interval_of_their_subjects():
    random = np.random.default_rng(0)
    replicates = [random.normal(0.5, 0.1, 4000) for _ in range(4)]
    means = np.mean(replicates, axis=0)
    low, high = small_sample_interval(np.full(4, 0.5), replicates, means)
    spread = math.sqrt(np.mean([each.var(ddof=1) for each in replicates]) / 4)
    assert (high - low) / 2 == pytest.approx(norm.ppf(0.975) * spread)
    assert (high - low) / 2 < t(3).ppf(0.975) * spread


def test_one_seed_is_left_as_it_is_within_bounds():
    means = np.random.default_rng(0).normal(size=200)
    low, high = percentile_interval(means)
    assert low < 0 < 1 < high
    assert small_sample_interval(np.array([0.5]), [means], means) == (low, high)
    assert small_sample_interval(np.array([0.5]), [means], means, (0, 1)) == (0, 1)
    # A value that no resample changes is not without doubt.
    assert all(math.isnan(end) for end in small_sample_interval(np.array([1.0]), [np.ones(9)], np.ones(9), (0, 1)))


def test_nothing_varies():
    assert small_sample_interval(np.full(3, 0.7), [np.full(9, 0.7)] * 3, np.full(50, 0.7)) == (0.7, 0.7)


@pytest.mark.parametrize(
    ("values", "means"), [([0.5, math.nan], [0.4, 0.6]), ([0.5, 0.6], [math.nan, 0.6]), ([0.5, 0.6], [])]
)
def test_no_interval_where_something_is_missing(values, means):
    found = small_sample_interval(np.array(values), [np.zeros(0)] * 2, np.array(means))
    assert np.isnan(found).all()


def test_undefined_resamples_are_left_out():
    replicates = [np.array([0.4, math.nan, 0.6]), np.array([0.5, 0.7, math.nan])]
    without = [each[np.isfinite(each)] for each in replicates]
    means = np.array([0.45, 0.5, 0.55, 0.65])
    values = np.array([0.5, 0.5001])
    found = small_sample_interval(values, replicates, means)
    assert found == small_sample_interval(values, without, means)
    # Both have variance 0.02: sqrt(0.02 / 2) * 1.96.
    assert found[1] - found[0] == pytest.approx(2 * 1.96 * 0.1, rel=1e-3)


def test_shifting_and_scaling_go_through():
    random = np.random.default_rng(1)
    values, means = random.random(4), random.random(100)
    replicates = [random.random(30) for _ in range(4)]
    plain = small_sample_interval(values, replicates, means)
    moved = small_sample_interval(3 * values + 1, [3 * each + 1 for each in replicates], 3 * means + 1)
    assert moved == pytest.approx([3 * end + 1 for end in plain])


def test_bounds_of_scores_and_of_differences(simulated):
    # Two seeds: t is 12.7, and no interval of a score in [0, 1] is as wide as that.
    runs = simulated(np.random.default_rng(0), [0.5, 0.6], seeds=2, between=0.2, within=0.05)
    bootstrap = hierarchical_bootstrap(runs, 400, 0)
    assert interval(runs) == (0, 1)
    (row,) = comparisons([(runs, bootstrap)]).to_dict("records")
    assert (row["ci_low"], row["ci_high"]) == (-1, 1)


def coverage(simulated, seeds, between, within, experiments):
    random = np.random.default_rng(seeds)
    hits = 0
    for experiment in range(experiments):
        runs = simulated(random, [0.6], seeds=seeds, between=between, within=within, resamples=100)
        low, high = interval(runs, seed=experiment)
        hits += low <= 0.6 <= high
    return hits / experiments


# 400 experiments: a share of 0.95 has a standard error of sqrt(0.95 * 0.05 / 400) = 0.011, of which 0.035 is three.
@pytest.mark.parametrize(
    ("seeds", "between", "within"),
    [(2, 0.02, 0.0), (3, 0.05, 0.0), (5, 0.05, 0.0), (10, 0.05, 0.0), (5, 0.05, 0.025), (10, 0.05, 0.05)],
)
def test_coverage_is_nominal(simulated, seeds, between, within):
    assert coverage(simulated, seeds, between, within, 400) == pytest.approx(0.95, abs=0.035)


def test_coverage_where_only_subjects_vary_is_no_less(simulated):
    # max(t s, z sqrt(w)) is at least the exact interval, so it covers more: 0.98 for five seeds.
    assert 0.95 <= coverage(simulated, 5, 0.0, 0.05, 400) <= 1


def test_coverage_of_differences_is_nominal(simulated):
    random = np.random.default_rng(7)
    hits = 0
    for experiment in range(400):
        runs = simulated(random, [0.6, 0.65], seeds=5, between=0.03, within=0.01, resamples=100)
        (row,) = comparisons([(runs, hierarchical_bootstrap(runs, 400, experiment))]).to_dict("records")
        hits += row["ci_low"] <= 0.05 <= row["ci_high"]
    assert hits / 400 == pytest.approx(0.95, abs=0.035)


def test_coverage_of_one_seed_is_of_its_subjects(simulated):
    # One seed without an effect of its own: percentile bootstrap of a mean of 40, about 0.94.
    assert coverage(simulated, 1, 0.0, 0.05, 400) == pytest.approx(0.94, abs=0.045)
    # With an effect as large as the error of the subjects the interval misses it: P(|z| < 1.96 / sqrt 2) = 0.83.
    assert coverage(simulated, 1, 0.05, 0.05, 400) == pytest.approx(0.83, abs=0.06)

"""Seeds that share test subjects: by hand, and coverage and level on divisions of one set of people."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t, ttest_1samp

from benchmark.report.statistics.hierarchical import hierarchical_bootstrap
from benchmark.report.statistics.intervals import interval_table
from benchmark.report.statistics.paired import NO_TEST, SHARED_T_TEST, comparisons
from benchmark.report.statistics.ranks import rank_table
from benchmark.report.statistics.shared_subjects import share_in_common, subject_variance, variance_in_common
from benchmark.report.statistics.small_sample_interval import small_sample_interval

PEOPLE, TRUTH = 120, 0.6


def test_share_in_common():
    assert share_in_common([]) == share_in_common(["abc"]) == share_in_common(["ab", "cd"]) == 0
    assert share_in_common([["a", "b"], ["a", "b"], {"b", "a"}]) == 1
    # Pairs have 1 of 2, 0 of 2 and 1 of 2; of unequal numbers, 1 of (1 + 3) / 2.
    assert share_in_common(["ab", "bc", "cd"]) == pytest.approx(1 / 3)
    assert share_in_common(["a", "abc"]) == 0.5


def test_variance_in_common_by_hand():
    values = np.array([0.5, 0.6, 0.7])
    replicates = [np.array([0.4, 0.6]), np.array([0.5, 0.7, math.nan]), np.array([0.6, 0.8])]
    assert subject_variance(replicates) == pytest.approx(0.02)
    assert variance_in_common(values, replicates, 0.25) == pytest.approx(0.005)
    assert variance_in_common(values, replicates, 0.0) == 0
    # Nadeau and Bengio: the variance over seeds is 0.01, a quarter of the data is tested on: 0.01 / 3.
    nothing = [np.zeros(0)] * 3
    assert variance_in_common(values, nothing, 0.25) == pytest.approx(0.01 / 3)
    assert math.isnan(variance_in_common(values, nothing, 1.0))


def test_interval_by_hand():
    values, means = np.array([0.5, 0.6, 0.7]), np.linspace(0.5, 0.7, 101)
    replicates = [np.array([each - 0.1, each + 0.1]) for each in values]
    low, high = small_sample_interval(values, replicates, means, shared=0.5)
    # (t(2) 0.1)^2 / 3 + 1.96^2 * 0.5 * 0.02
    wanted = math.sqrt((t(2).ppf(0.975) * 0.1) ** 2 / 3 + 1.959964**2 * 0.01)
    assert (high - low) / 2 == pytest.approx(wanted)
    assert np.isnan(small_sample_interval(values, [np.zeros(0)] * 3, means, shared=1.0)).all()


def divided(random, runs, share, seeds, of_training, methods=1, resamples=100):
    """Runs whose seeds test a share of the same people, drawn anew for each; the methods are equally good."""
    people = TRUTH + 0.3 * random.normal(size=(methods, PEOPLE))
    size = round(share * PEOPLE)
    value, replicates, tested = [], [], []
    for _ in range(seeds):
        who = random.choice(PEOPLE, size, replace=False)
        own = people[:, who] + of_training * random.normal(size=(methods, 1))
        weight = random.multinomial(size, np.full(size, 1 / size), resamples) / size
        value.append(own.mean(axis=1))
        replicates.append(own @ weight.T)
        tested.append(who.tolist())
    return replace(runs(np.transpose(value), replicates), shared=share_in_common(tested))


def covered(found, runs, experiment):
    row = interval_table(runs, hierarchical_bootstrap(runs, 200, experiment)).iloc[0]
    return found + (row["ci_low"] <= TRUTH <= row["ci_high"])


# 200 experiments: a share of 0.95 has a standard error of 0.015, of which 0.045 is three.
@pytest.mark.parametrize(("share", "seeds", "of_training"), [(0.25, 5, 0.01), (1.0, 3, 0.02)])
def test_coverage_of_divisions_of_one_set_of_people(runs, share, seeds, of_training):
    random = np.random.default_rng(seeds)
    hits = unaware = 0
    for experiment in range(200):
        drawn = divided(random, runs, share, seeds, of_training)
        hits = covered(hits, drawn, experiment)
        unaware = covered(unaware, replace(drawn, shared=0.0), experiment)
    assert hits / 200 >= 0.95 - 0.045
    # As if each seed had people of its own, the interval is too narrow, the more so the more they share.
    assert unaware / 200 < hits / 200 - (0.02 if share < 1 else 0.1)


def test_tests_of_equal_methods_find_differences_no_more_often_than_they_may(runs):
    random = np.random.default_rng(1)
    found = unaware = 0
    for _ in range(200):
        drawn = divided(random, runs, 0.5, 5, 0.02, methods=2)
        (row,) = comparisons([(drawn, hierarchical_bootstrap(drawn, 50, 0))]).to_dict("records")
        assert row["test"] == SHARED_T_TEST
        found += row["p"] < 0.05
        unaware += ttest_1samp(drawn.value[1] - drawn.value[0], 0).pvalue < 0.05
    assert found / 200 < 0.05 + 0.045
    assert unaware / 200 > 0.12


def test_two_seeds_are_tested_over_the_subjects_that_they_share(runs):
    random = np.random.default_rng(2)
    found = 0
    for _ in range(200):
        drawn = divided(random, runs, 1.0, 2, 0.0, methods=2, resamples=200)
        (row,) = comparisons([(drawn, hierarchical_bootstrap(drawn, 50, 0))]).to_dict("records")
        assert row["test"] == "bootstrap over subjects"
        found += row["p"] < 0.05
    assert found / 200 < 0.05 + 0.045


def test_what_no_seed_can_tell_is_said(runs):
    drawn = replace(runs([[0.5, 0.6, 0.7], [0.4, 0.6, 0.65], [0.2, 0.3, 0.45]]), shared=1.0)
    bootstrap = hierarchical_bootstrap(drawn, 50, 0)
    compared = comparisons([(drawn, bootstrap)])
    assert set(compared["test"]) == {NO_TEST}
    assert set(compared["note"]) == {"all seeds have the same test subjects, over which the score is not resampled"}
    assert rank_table(drawn, bootstrap, compared)["friedman_p"].isna().all()
    assert rank_table(replace(drawn, shared=0.0), bootstrap, compared)["friedman_p"].notna().all()

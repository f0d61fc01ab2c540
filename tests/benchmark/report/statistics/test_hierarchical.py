"""Two-level bootstrap: against loops, and what is drawn where something is missing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.report.statistics.hierarchical import hierarchical_bootstrap
from benchmark.report.statistics.intervals import interval_table
from benchmark.seeds import generator


def test_against_a_loop(simulated):
    runs = simulated(np.random.default_rng(0), [0.5, 0.6], seeds=3, between=0.1, within=0.1, resamples=20)
    found = hierarchical_bootstrap(runs, 50, seed=4).means
    random = generator(4, "hierarchical bootstrap", 3)
    slots, within = random.integers(3, size=(50, 3)), random.random((50, 3))
    for method in range(2):
        for one in range(50):
            drawn = [runs.replicates[slots[one, j]][method, int(within[one, j] * 20)] for j in range(3)]
            assert found[method, one] == pytest.approx(sum(drawn) / 3)


def test_variance_is_that_of_both_levels(runs):
    # Seeds at 0 and 1, replicates of each at +-0.5: the mean of two draws has variance (1/4 + 1/4) / 2 = 1/4.
    made = runs([[0.0, 1.0]], [[[-0.5, 0.5]], [[0.5, 1.5]]])
    means = hierarchical_bootstrap(made, 40_000, 0).means[0]
    # Standard error of a variance of 40,000 draws: about 0.25 sqrt(2 / 40,000) = 0.002.
    assert means.var() == pytest.approx(0.25, abs=0.008)
    assert set(np.unique(means)) == {-0.5, 0.0, 0.5, 1.0, 1.5}


def test_one_seed_has_its_subjects_alone(simulated):
    runs = simulated(np.random.default_rng(0), [0.5, 0.6], seeds=1, between=0.1, within=0.1)
    found = hierarchical_bootstrap(runs, 1000, 0)
    assert found.covers == "subjects"
    assert np.array_equal(found.means, runs.replicates[0])
    low, high = np.quantile(runs.replicates[0][1], [0.025, 0.975])
    shown = interval_table(runs, found).iloc[1]
    assert (shown["ci_low"], shown["ci_high"], shown["covers"]) == (low, high, "subjects")


def test_several_seeds_without_replicates_have_the_seeds_alone(runs):
    found = hierarchical_bootstrap(runs([[0.0, 1.0], [2.0, 2.0]]), 500, 0)
    assert found.covers == "seeds"
    assert set(np.unique(found.means[0])) == {0.0, 0.5, 1.0}
    assert set(found.means[1]) == {2.0}


def test_nothing_to_resample(runs):
    made = runs([[0.3], [0.4]])
    found = hierarchical_bootstrap(made, 500, 0)
    assert (found.covers, found.means.shape) == ("", (2, 0))
    rows = interval_table(made, found)
    assert rows["note"].tolist() == ["not resampled, and only one seed"] * 2
    assert rows["value"].tolist() == [0.3, 0.4]
    assert rows["ci_low"].isna().all()


def test_methods_are_paired(simulated, runs):
    one = simulated(np.random.default_rng(0), [0.5], seeds=4, between=0.1, within=0.1)
    both = runs(np.vstack([one.value, one.value + 0.1]), [np.vstack([each, each + 0.1]) for each in one.replicates])
    means = hierarchical_bootstrap(both, 200, 0).means
    assert means[1] - means[0] == pytest.approx(np.full(200, 0.1))


def test_a_method_with_a_gap_changes_no_other(simulated, runs):
    full = simulated(np.random.default_rng(0), [0.5, 0.6, 0.7], seeds=3, between=0.1, within=0.1)
    value = full.value.copy()
    value[1, 2] = np.nan
    holed = [each.copy() for each in full.replicates]
    holed[2][1] = np.nan
    before, after = hierarchical_bootstrap(full, 100, 0), hierarchical_bootstrap(runs(value, holed), 100, 0)
    assert np.array_equal(before.means[[0, 2]], after.means[[0, 2]])
    assert np.isnan(after.means[1]).all()
    assert after.reason == ("", "1 of 2 runs: no query", "")


def test_undefined_resamples_are_left_out_for_all(runs):
    random = np.random.default_rng(0)
    made = runs([[0.5], [0.5]], [random.normal(size=(2, 100))])
    made.replicates[0][0, :3] = np.nan
    found = hierarchical_bootstrap(made, 100, 0)
    assert np.array_equal(found.means, made.replicates[0][:, 3:])


def test_too_many_undefined_resamples(runs):
    random = np.random.default_rng(0)
    made = runs([[0.5], [0.5]], [random.normal(size=(2, 100))])
    made.replicates[0][0, :6] = np.nan
    found = hierarchical_bootstrap(made, 100, 0)
    assert found.reason == ("more than 5% of the resamples are undefined", "")
    assert np.isnan(found.means[0]).all()
    assert np.array_equal(found.means[1], made.replicates[0][1])


def test_a_method_that_alone_was_not_resampled(runs):
    made = runs([[0.5, 0.6], [0.5, 0.7]], [[[0.1, 0.2], [np.nan, np.nan]], [[0.1, 0.2], [np.nan, np.nan]]])
    found = hierarchical_bootstrap(made, 100, 0)
    assert found.covers == "subjects and seeds"
    assert found.reason == ("", "not resampled")

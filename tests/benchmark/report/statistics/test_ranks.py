"""Ranks, their distribution, Friedman's test and Nemenyi's critical difference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from benchmark.report.statistics.hierarchical import hierarchical_bootstrap
from benchmark.report.statistics.paired import comparisons
from benchmark.report.statistics.ranks import critical_difference, rank_table, shares_of_first


def ranked(runs, resamples=300, reference=None):
    bootstrap = hierarchical_bootstrap(runs, resamples, 0)
    compared = comparisons([(runs, bootstrap)], reference)
    return rank_table(runs, bootstrap, compared).set_index("method")


def test_by_hand(runs):
    # Means 0.7, 0.5, 0.5, 0.2; ranks within seed 1: 1, 3, 2, 4 and within seed 2: 1, 2, 3, 4.
    table = ranked(runs([[0.8, 0.6], [0.5, 0.5], [0.6, 0.4], [0.1, 0.3]]))
    assert table["rank"].tolist() == [1.0, 2.5, 2.5, 4.0]
    assert table["mean_rank"].tolist() == [1.0, 2.5, 2.5, 4.0]
    assert table["ranked"].tolist() == [4] * 4


def test_lower_is_better(runs):
    assert ranked(runs([[0.8, 0.6], [0.5, 0.5]], higher_is_better=False))["rank"].tolist() == [2.0, 1.0]


def test_distribution_against_a_loop(simulated):
    made = simulated(np.random.default_rng(1), [0.5, 0.52, 0.54, 0.3], seeds=3, between=0.03, within=0.03)
    table = ranked(made)
    means = hierarchical_bootstrap(made, 300, 0).means
    ranks = np.array([[1 + sum(other > own for other in column) for own in column] for column in means.T]).T
    assert table["probability_best"].tolist() == pytest.approx([(row == 1).mean() for row in ranks])
    assert table["probability_best"].sum() == pytest.approx(1)
    assert table.loc["d", "rank"] == 4
    assert set(table["covers"]) == {"subjects and seeds"}


@pytest.mark.parametrize("reference", [None, "b"])
@pytest.mark.parametrize("higher", [True, False])
def test_sets_of_ranks_are_what_the_tests_say(simulated, reference, higher):
    truth = [0.5, 0.52, 0.9, 0.91, 0.2]
    made = simulated(np.random.default_rng(1), truth, seeds=4, between=0.02, within=0.02, higher_is_better=higher)
    pairs = comparisons([(made, hierarchical_bootstrap(made, 300, 0))], reference)
    table = ranked(made, reference=reference)
    apart = pairs[pairs["told_apart"]]
    assert 0 < len(apart) < len(pairs)
    for method in "abcde":
        mine = apart[(apart["method_a"] == method) | (apart["method_b"] == method)]
        better = int((mine["better"] != method).sum())
        worse = int((mine["better"] == method).sum())
        assert table.loc[method, ["rank_low", "rank_high"]].tolist() == [1 + better, 5 - worse]
        assert table.loc[method, "rank_low"] <= table.loc[method, "rank"] <= table.loc[method, "rank_high"]
    if reference:
        # Of the declared method the set agrees with the claims: a difference that is none leaves the rank open.
        claims = pairs[(pairs["kind"] == "primary") & pairs["beyond_chance"]]
        assert table.loc["b", "rank_high"] - table.loc["b", "rank_low"] == 4 - len(claims)


def test_no_rank_is_sure_without_a_test_that_says_so(runs):
    # Always first in the resamples, which used to give the rank [1, 1], beside a p of 2 / 5 for the only comparison.
    made = runs([[0.5], [0.7]], [[[0.5] * 4, [0.52, 0.7, 0.7, 0.95]]])
    table = ranked(made, reference="b")
    assert table.loc["b", ["rank", "rank_low", "rank_high", "probability_best"]].tolist() == [1, 1, 2, 1]


def test_ties_share_the_first_place():
    # First column: a and b tie; second: b alone.
    assert shares_of_first(np.array([[1.5, 2.0], [1.5, 1.0], [3.0, 3.0]])).tolist() == [0.25, 0.75, 0.0]


def test_friedman_against_its_formula(simulated):
    made = simulated(np.random.default_rng(0), [0.5, 0.55, 0.6, 0.65], seeds=6, between=0.05, within=0.02)
    table = ranked(made)
    # Without ties: 12 N / (k (k + 1)) (sum of squared mean ranks - k (k + 1)^2 / 4), chi-square with k - 1 (Demsar).
    statistic = 12 * 6 / (4 * 5) * ((table["mean_rank"] ** 2).sum() - 4 * 25 / 4)
    assert table["friedman_p"].tolist() == pytest.approx([chi2.sf(statistic, 3)] * 4)
    assert table["blocks"].tolist() == [6] * 4


def test_friedman_where_all_tie(runs):
    assert ranked(runs([[0.5, 0.6]] * 3))["friedman_p"].tolist() == [1.0] * 3


# Demsar (2006), table 5a, alpha 0.05.
@pytest.mark.parametrize(
    ("methods", "quantile"),
    [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (6, 2.850), (7, 2.949), (8, 3.031), (9, 3.102), (10, 3.164)],
)
def test_nemenyi_against_the_published_table(methods, quantile):
    for blocks in (5, 14):
        expected = quantile * math.sqrt(methods * (methods + 1) / (6 * blocks))
        # The table has three decimals, some of them cut rather than rounded.
        assert critical_difference(methods, blocks) == pytest.approx(expected, rel=4e-4)


def test_nemenyi_example_of_the_paper():
    # Section 3.2.2: four classifiers on fourteen data sets, 2.569 sqrt(4 5 / (6 14)) = 1.25.
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize("value", [[[0.5, 0.6], [0.6, 0.5]], [[0.5], [0.6], [0.7]]])
def test_too_few_methods_or_seeds_for_friedman(runs, value):
    assert ranked(runs(value))[["friedman_p", "critical_difference"]].isna().all(axis=None)


def test_missing_runs(simulated, runs):
    full = simulated(np.random.default_rng(0), [0.5, 0.9, 0.7], seeds=3, between=0.01, within=0.01)
    value = full.value.copy()
    value[1, 1] = np.nan
    replicates = [each.copy() for each in full.replicates]
    replicates[1][1] = np.nan
    table = ranked(runs(value, replicates))
    names = ["rank", "rank_low", "rank_high", "probability_best", "mean_rank"]
    assert table.loc["b", names].isna().all()
    assert table.loc["b", "note"] == "1 of 2 runs: no query"
    assert table.loc[["c", "a"], "rank"].tolist() == [1, 2]
    assert set(table["ranked"]) == {2}


def test_every_method_missing(runs):
    table = ranked(runs([[np.nan, 0.5], [0.5, np.nan]]))
    assert table[["rank", "mean_rank", "probability_best"]].isna().all(axis=None)

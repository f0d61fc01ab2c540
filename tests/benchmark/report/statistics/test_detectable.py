"""What a design can detect."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_1samp
from statsmodels.stats.power import TTestPower

from benchmark.report.statistics.detectable import detectable_differences, multiplier


@pytest.mark.parametrize("seeds", [5, 10, 20])
def test_multiplier_against_statsmodels(seeds):
    effect = TTestPower().solve_power(nobs=seeds, alpha=0.05, power=0.8, alternative="two-sided")
    assert multiplier(seeds) == pytest.approx(effect * math.sqrt(seeds), rel=1e-3)


def test_multiplier_is_about_a_sum_of_quantiles():
    assert multiplier(200) == pytest.approx(t(199).ppf(0.975) + t(199).ppf(0.8), rel=2e-3)
    # One seed: 1.960 + 0.842.
    assert multiplier(1) == pytest.approx(2.802, abs=5e-4)
    assert multiplier(1, 0.05 / 10) == pytest.approx(norm.ppf(0.9975) + norm.ppf(0.8))


@pytest.mark.parametrize(("seeds", "level"), [(2, 0.05), (3, 0.05), (5, 0.05 / 28)])
def test_power_is_reached(seeds, level):
    # Standard error 1 / sqrt(seeds) of values of unit variance. The share of 20,000 has a standard error of 0.003.
    shift = multiplier(seeds, level) / math.sqrt(seeds)
    values = shift + np.random.default_rng(0).normal(size=(20_000, seeds))
    assert np.mean(ttest_1samp(values, 0, axis=1).pvalue < level) == pytest.approx(0.8, abs=0.01)


def test_table(simulated, compared):
    random = np.random.default_rng(0)
    made = [simulated(random, [0.5, 0.6, 0.7], 4, 0.05, 0.05, score=score) for score in ("map_cn_ad", "one")]
    differences = compared(*made, reference="a")
    table = detectable_differences(differences).set_index("score")
    for score, tests in (("map_cn_ad", 2), ("one", 0)):
        error = np.median(differences.loc[differences["score"] == score, "standard_error"])
        found = table.loc[score]
        assert found[["n", "seeds", "pairs", "tests"]].tolist() == [40, 4, 3, tests]
        assert found["standard_error"] == pytest.approx(error)
        assert found["detectable"] == pytest.approx(multiplier(4) * error)
        corrected = multiplier(4, 0.05 / 2) * error if tests else math.nan
        assert found["detectable_corrected"] == pytest.approx(corrected, nan_ok=True)


def test_more_seeds_detect_smaller_differences(simulated, compared):
    found = [
        detectable_differences(compared(simulated(np.random.default_rng(0), [0.5] * 4, seeds, 0.05, 0.05)))
        for seeds in (2, 4, 16)
    ]
    assert found[0].loc[0, "detectable"] > found[1].loc[0, "detectable"] > found[2].loc[0, "detectable"]


def test_no_standard_error(runs, compared):
    table = detectable_differences(compared(runs([[0.5], [0.6]])))
    assert table[["standard_error", "detectable", "detectable_corrected"]].isna().all(axis=None)
    assert table.loc[0, ["n", "pairs", "tests", "note"]].tolist() == [0, 0, 0, "no pair has a standard error"]


def test_missing_methods_do_not_count(runs, compared):
    table = detectable_differences(
        compared(runs([[0.5, 0.6, 0.5], [0.6, 0.8, 0.9], [np.nan, 0.5, 0.5]]), reference="a")
    )
    assert table.loc[0, ["pairs", "tests"]].tolist() == [1, 1]

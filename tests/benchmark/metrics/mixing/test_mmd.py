"""MMD: its value by hand, and its p-values where there is no difference between sites."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from benchmark.metrics.mixing import mmd
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(test_permutations=49)


def p_of(scans, settings=SETTINGS):
    return next(score.value for score in mmd.scores(scans, settings) if score.metric.name == "mmd_p_value")


def made_up(subjects, scans_each, rng):
    rows = []
    for subject in range(subjects):
        own = rng.normal(size=2)
        for session in range(scans_each):
            rows.append((f"s{subject}", f"ses{session}", f"site{subject % 3}", "CN", 70.0, "F", *own))
    table = pd.DataFrame(rows, columns=["subject_id", "session_id", "site", "diagnosis", "age", "sex", "z0", "z1"])
    table[["z0", "z1"]] += 0.1 * rng.normal(size=(len(table), 2))
    return scored_scans(table)


@pytest.mark.slow
@pytest.mark.parametrize("scans_each", [1, 4])
def test_p_is_uniform_without_a_difference_with_repeat_scans_as_well(scans_each):
    # 200 draws; p comes in steps of 1/50, so the comparison is with a uniform within the steps.
    rng = np.random.default_rng(scans_each)
    found = [p_of(made_up(15, scans_each, rng), replace(SETTINGS, seed=draw)) for draw in range(200)]
    assert kstest(np.array(found) - rng.uniform(0, 1 / 50, size=200), "uniform").pvalue > 0.01


def test_kernel_by_hand():
    # Points 0, 1, 3: distances 1, 3, 2, median 2, so k = exp(-d² / 8).
    expected = np.exp(-np.array([[0, 1, 9], [1, 0, 4], [9, 4, 0]]) / 8)
    np.testing.assert_allclose(mmd.gaussian_kernel(np.array([[0.0], [1.0], [3.0]])), expected)
    assert mmd.gaussian_kernel(np.array([[0.0]] * 5 + [[1.0]])) is None


def test_a_scale_of_the_features_and_names_of_sites_change_nothing():
    rng = np.random.default_rng(3)
    features, site = rng.normal(size=(50, 3)), rng.integers(3, size=50)
    value = mmd.mean_mmd2(mmd.gaussian_kernel(features), site)
    assert mmd.mean_mmd2(mmd.gaussian_kernel(7 * features + 2), site) == pytest.approx(value)
    assert mmd.mean_mmd2(mmd.gaussian_kernel(features), np.array([2, 0, 1])[site]) == pytest.approx(value)


def test_the_estimate_is_unbiased_for_unequal_groups():
    # Without a difference its expectation is 0 whatever the sizes; the biased one would be about 0.1 here.
    rng = np.random.default_rng(4)
    site = np.repeat([0, 1], [5, 25])
    values = [mmd.mean_mmd2(mmd.gaussian_kernel(rng.normal(size=(30, 2))), site) for _ in range(400)]
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(400)


def test_a_difference_has_the_smallest_p_and_directions_are_as_declared(make_table):
    scans = scored_scans(make_table(subjects=20, travelling=0, train=20, site_strength=5.0))
    found = mmd.scores(scans, SETTINGS)
    assert [score.value for score in found if score.metric.name == "mmd_p_value"] == [1 / 50] * 2
    directions = {score.metric.name: score.metric.higher_is_better for score in found}
    assert directions == {"mmd2": False, "mmd_p_value": True}


def test_a_subsample_is_stated(make_table):
    scans = scored_scans(make_table(subjects=30, travelling=0))
    for score in mmd.scores(scans, replace(SETTINGS, probe_scans=50)):
        assert (score.n, score.params["scans"]) == (50, "50")


def test_a_site_with_one_scan_has_no_value():
    assert math.isnan(mmd.mean_mmd2(np.eye(4), np.array([0, 0, 0, 1])))

"""A line in age is taken out of each stratum, by what the training scans say, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from benchmark.metrics.ridge import ridge_predictions, ridge_predictions_given_age, without_age

RNG = np.random.default_rng(0)
AGE = RNG.uniform(50, 90, 30)
STRATUM = np.arange(30) % 2
FEATURES = RNG.normal(size=(30, 3)) + 0.2 * AGE[:, None] * (1 + STRATUM[:, None])
TRAIN, TEST = np.arange(20), np.arange(20, 30)


def test_against_a_regression_of_each_stratum():
    expected = FEATURES.copy()
    for one in (0, 1):
        here = np.arange(one, 30, 2)
        fitted = here[here < 20]
        line = LinearRegression().fit(AGE[fitted, None], FEATURES[fitted])
        expected[here] -= line.predict(AGE[here, None])
    assert without_age(FEATURES, AGE, STRATUM, TRAIN) == pytest.approx(expected)


def test_what_the_test_scans_are_has_no_effect_on_the_line():
    changed = FEATURES.copy()
    changed[TEST] += RNG.normal(size=(10, 3))
    before, after = (without_age(one, AGE, STRATUM, TRAIN) for one in (FEATURES, changed))
    assert (before[TRAIN] == after[TRAIN]).all()
    assert after[TEST] - before[TEST] == pytest.approx(changed[TEST] - FEATURES[TEST])


@pytest.mark.parametrize("age", [np.full(30, 70.0), np.full(30, np.nan)])
def test_the_mean_alone_where_ages_are_one_or_unknown(age):
    left = without_age(FEATURES, age, np.zeros(30, int), TRAIN)
    assert left == pytest.approx(FEATURES - FEATURES[TRAIN].mean(axis=0))


def test_nothing_is_left_where_a_line_explains_all():
    line = np.stack([0.1 * AGE - 3, RNG.normal(size=30)], axis=1)
    left = without_age(line, AGE, STRATUM, TRAIN)
    assert (left[:, 0] == 0).all()
    assert (left[:, 1] != 0).all()
    # Two training scans in stratum 1, through which there is a line, and none in stratum 2.
    few = np.array([0] * 26 + [1] * 2 + [2] * 2)
    left = without_age(FEATURES, AGE, few, np.arange(28))
    assert (left[26:] == 0).all()
    assert (left[:26] != 0).all()


def test_predictions_are_those_of_what_is_left_in_every_fold():
    labels = RNG.integers(0, 2, size=(4, 30))
    pairs = ((TRAIN, TEST), (np.arange(10, 30), np.arange(10)))
    found = ridge_predictions_given_age(FEATURES, labels, pairs, 2, AGE, STRATUM)
    for train, test in pairs:
        left = without_age(FEATURES, AGE, STRATUM, train)
        assert (found[:, test] == ridge_predictions(left, labels, ((train, test),), 2)[:, test]).all()
    assert (found[:, 10:20] == -1).all()
    # A steeper line in age changes nothing.
    steeper = FEATURES + 5 * AGE[:, None] * (1 - STRATUM[:, None])
    assert (ridge_predictions_given_age(steeper, labels, pairs, 2, AGE, STRATUM) == found).all()

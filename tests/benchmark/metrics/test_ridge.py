"""The closed form against scikit-learn's ridge regression on the same targets."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score

from benchmark.metrics import ridge
from benchmark.metrics.folds import stratified_folds
from benchmark.metrics.ridge import PENALTY, balanced_accuracies, ridge_predictions

RNG = np.random.default_rng(0)
LABELS = RNG.integers(3, size=(4, 60))
FEATURES = RNG.normal(size=(60, 5)) + np.eye(5)[:3][LABELS[0]]
PAIRS = stratified_folds(np.zeros(60, int), np.arange(60) // 2, 4)


def test_against_scikit_learn():
    found = ridge_predictions(FEATURES, LABELS, PAIRS, 3)
    for labels, predicted in zip(LABELS, found, strict=True):
        for train, test in PAIRS:
            onehot = (labels[train, None] == np.arange(3)).astype(float)
            onehot /= onehot.sum(axis=0)
            # The closed form has no intercept for the targets: it is the same for every scan, but not for every class.
            model = Ridge(alpha=PENALTY * len(train), fit_intercept=False)
            mean = FEATURES[train].mean(axis=0)
            expected = model.fit(FEATURES[train] - mean, onehot).predict(FEATURES[test] - mean).argmax(axis=1)
            assert (predicted[test] == expected).all()


def test_chunks_change_nothing(monkeypatch):
    whole = ridge_predictions(FEATURES, LABELS, PAIRS, 3)
    monkeypatch.setattr(ridge, "ENTRIES", 1)
    assert (ridge_predictions(FEATURES, LABELS, PAIRS, 3) == whole).all()


def test_accuracy_against_scikit_learn():
    predicted = RNG.integers(3, size=(4, 60))
    found = balanced_accuracies(LABELS, predicted, 3)
    expected = [balanced_accuracy_score(*pair) for pair in zip(LABELS, predicted, strict=True)]
    assert found == pytest.approx(expected)


def test_a_class_that_training_lacks_is_not_predicted():
    labels = np.array([[0, 0, 1, 1, 2, 2]])
    pairs = ((np.array([0, 1, 2, 3]), np.array([4, 5])),)
    assert set(ridge_predictions(RNG.normal(size=(6, 2)), labels, pairs, 3)[0, 4:]) <= {0, 1}

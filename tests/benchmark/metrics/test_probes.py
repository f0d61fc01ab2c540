"""Probes and the balanced accuracy of their predictions."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from benchmark.metrics.folds import Labelling, design
from benchmark.metrics.probes import chance_level, class_recalls, out_of_fold
from benchmark.metrics.settings import Probe

RNG = np.random.default_rng(0)
SITE = np.repeat(["a", "b", "c"], 40)
SUBJECT = np.arange(120).astype(str)
DESIGN = design(SITE, SUBJECT, 5, 10, 0)


def test_mean_recall_is_balanced_accuracy():
    codes, predicted = RNG.integers(4, size=100), RNG.integers(4, size=100)
    assert class_recalls(codes, predicted).mean() == pytest.approx(balanced_accuracy_score(codes, predicted))


@pytest.mark.parametrize("probe", get_args(Probe))
def test_separable_classes_are_found_and_noise_is_not(probe):
    features = np.eye(3)[DESIGN.truth.codes] * 8 + RNG.normal(size=(120, 3))
    assert class_recalls(DESIGN.truth.codes, out_of_fold(features, DESIGN.truth, probe, 10, 0)).mean() > 0.95
    noise = RNG.normal(size=(120, 5))
    assert class_recalls(DESIGN.truth.codes, out_of_fold(noise, DESIGN.truth, probe, 10, 0)).mean() < 0.5
    assert chance_level(features, DESIGN.permuted, probe, 10, 0) == pytest.approx(1 / 3, abs=0.06)


def test_knn_against_a_loop_over_folds():
    features = RNG.normal(size=(120, 3))
    expected = np.empty(120, int)
    for train, test in DESIGN.truth.pairs:
        classifier = KNeighborsClassifier(7).fit(features[train], DESIGN.truth.codes[train])
        expected[test] = classifier.predict(features[test])
    assert (out_of_fold(features, DESIGN.truth, "knn", 7, 0) == expected).all()


def test_no_memory_of_a_subject():
    # Two scans a subject, equal vectors, subjects unlike each other, sites without meaning: a probe that saw the
    # subject's other scan would be right always.
    subject = np.repeat(np.arange(60), 2)
    features = np.random.default_rng(1).normal(size=(60, 8))[subject]
    site = np.random.default_rng(2).integers(3, size=60)[subject].astype(str)
    found = design(site, subject.astype(str), 5, 0, 0)
    assert class_recalls(found.truth.codes, out_of_fold(features, found.truth, "knn", 1, 0)).mean() < 0.6


def test_one_class_in_training_is_predicted_as_such():
    labelling = Labelling(np.array([0, 0, 1]), ((np.array([0, 1]), np.array([2])), (np.array([0, 2]), np.array([1]))))
    assert out_of_fold(np.eye(3), labelling, "linear", 5, 0).tolist() == [-1, 0, 0]


def test_no_permutations_no_chance():
    assert math.isnan(chance_level(np.zeros((120, 2)), (), "knn", 5, 0))

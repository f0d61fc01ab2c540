"""Age and anatomy read from LDRs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold, cross_val_predict

from benchmark.metrics.age_and_anatomy import scores
from benchmark.metrics.arrays import scans_of
from benchmark.metrics.decoding import PENALTIES, predicted_values
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(bootstrap=50)


def aged(table, seed=0):
    rng = np.random.default_rng(seed)
    return table.assign(age=70 + 8 * table["z0"] + rng.normal(size=len(table)))


def test_age_that_is_in_the_ldr_and_age_that_is_not(make_table):
    table = make_table(subjects=40, train=30)
    (found,) = scores(scored_scans(aged(table)), SETTINGS)
    # Noise of SD 1 year: a perfect reader errs by sqrt(2 / pi) = 0.8 years on average.
    assert found.value == pytest.approx(0.8, abs=0.2)
    assert found.ci_low < found.value < found.ci_high
    random = table.assign(age=np.random.default_rng(1).uniform(55, 90, len(table)))
    (found,) = scores(scored_scans(random), SETTINGS)
    assert found.value == pytest.approx(found.chance, rel=0.1)


def test_predictions_against_scikit_learn_with_the_same_folds():
    rng = np.random.default_rng(0)
    ldr, owner = rng.normal(size=(60, 4)), np.repeat(np.arange(30), 2)
    features = (ldr - ldr.mean(axis=0)) / ldr.std(axis=0)
    target = features[:, 0] + rng.normal(size=60)
    scans, _ = scans_of(ldr, subject=owner, scan=np.arange(100, 160))
    predicted, mean, note = predicted_values(scans, target, 30)
    assert note == ""
    # As many folds as subjects: there is one way to make them.
    model = RidgeCV(alphas=PENALTIES)
    assert predicted == pytest.approx(cross_val_predict(model, features, target, groups=owner, cv=GroupKFold(30)))
    assert mean[0] == pytest.approx(target[2:].mean())


def test_undefined(make_table, set_vectors):
    table = aged(make_table())
    constant = set_vectors(table, np.full((len(table), 2), 0.1))
    for one, reason in (
        (table.assign(age=70.0), "every scan has the same value"),
        (table.assign(age=np.nan), "0 subjects with a known value; at least 10 are needed"),
        (constant, "the LDR is constant over the reference scans"),
    ):
        (found,) = scores(scored_scans(one), SETTINGS)
        assert (math.isnan(found.value), found.note) == (True, reason)


def test_anatomy(make_table):
    table = make_table(subjects=40, train=30)
    rng = np.random.default_rng(2)
    table["anatomy_known"] = table["z1"] * 3 + 0.001 * rng.normal(size=len(table))
    table["anatomy_noise"] = rng.normal(size=len(table))
    table["anatomy_flat"] = 1.0
    found = {score.params["target"]: score for score in scores(scored_scans(table), SETTINGS)[1:]}
    assert found["known"].value == pytest.approx(1.0, abs=0.01)
    assert found["noise"].value < 0.1
    assert (found["flat"].note, math.isnan(found["flat"].value)) == ("every scan has the same value", True)
    assert len(scores(scored_scans(make_table()), SETTINGS)) == 1

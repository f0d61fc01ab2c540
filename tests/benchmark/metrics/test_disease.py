"""Disease within all sites, and across sites against a loop with scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from benchmark.metrics.disease import scores
from benchmark.metrics.feature_scaling import transform
from benchmark.metrics.rows import key_values
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(permutations=10, inner_folds=0)
ACROSS = EvaluationSettings(bootstrap=100)


def test_disease_is_found_where_it_is(make_table):
    *_, strong = scores(scored_scans(make_table(subjects=30, train=30, disease_strength=2.0)), SETTINGS)
    *_, none = scores(scored_scans(make_table(subjects=30, train=30, disease_strength=0.0)), SETTINGS)
    assert strong.value > 0.9
    assert 0.3 < none.value < 0.7
    assert strong.chance == pytest.approx(0.5, abs=0.1)
    # 30 subjects a site, 10 of each diagnosis, and 3 travelling ones, one of each.
    assert strong.n == 3 * 2 * 11
    assert key_values(**strong.params) == "coordinates=standardised;folds=5;label=CN/AD;probe=linear"


@pytest.mark.parametrize(
    ("left", "reason"), [("AD", "fewer than two classes: AD"), ("MCI", "fewer than two classes: none")]
)
def test_one_diagnosis(make_table, left, reason):
    table = make_table()
    *_, found = scores(scored_scans(table[table["diagnosis"] == left]), SETTINGS)
    assert math.isnan(found.value)
    assert found.note == reason


def test_against_a_loop(make_table):
    scans = scored_scans(make_table(subjects=18, train=30))
    part = scans.where(np.isin(scans.diagnosis, ("CN", "AD")))
    features = transform(part.ldr, part.reference, "standardised")
    overall, *by_site, _ = scores(scans, ACROSS)
    expected = []
    for site in ("site0", "site1", "site2"):
        test = part.site == site
        train = ~np.isin(part.subject, part.subject[test])
        model = LogisticRegression(C=0.1, tol=1e-2, max_iter=200).fit(features[train], part.diagnosis[train])
        expected.append(balanced_accuracy_score(part.diagnosis[test], model.predict(features[test])))
    assert [score.value for score in by_site] == pytest.approx(expected)
    assert overall.value == pytest.approx(np.mean(expected))
    assert overall.ci_low <= overall.value <= overall.ci_high
    assert np.nanmean(overall.replicates) == pytest.approx(overall.value, abs=0.05)
    assert [score.n for score in by_site] == [14, 14, 14]


def test_a_travelling_subject_never_teaches_its_own_test(make_table, set_vectors):
    # Every subject travels, its vector is its own: a probe that had seen the person elsewhere would remember it.
    table = make_table(subjects=0, travelling=40, train=60)
    own = {name: np.random.default_rng(i).normal(size=30) for i, name in enumerate(table["subject_id"].unique())}
    table = set_vectors(table, np.stack([own[name] for name in table["subject_id"]]))
    overall, *_ = scores(scored_scans(table), ACROSS)
    assert math.isnan(overall.value)
    assert "the other sites have no CN and no AD" in overall.note


def test_a_site_without_a_diagnosis_leaves_no_mean(make_table):
    table = make_table(travelling=0)
    table = table[(table["site"] != "site1") | (table["diagnosis"] != "AD")]
    overall, *by_site, _ = scores(scored_scans(table), ACROSS)
    assert math.isnan(overall.value)
    assert overall.note == "site1: no AD"
    assert [math.isnan(score.value) for score in by_site] == [False, True, False]
    assert overall.replicates is None

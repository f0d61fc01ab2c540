"""Made-up embeddings with known answers, through the whole evaluation."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics.bootstrap import interval, mean_replicates
from benchmark.metrics.evaluate import EvaluationSettings
from tests.tables import evaluated

pytestmark = pytest.mark.slow

SETTINGS = EvaluationSettings(
    probes=("linear", "knn"), permutations=2, mlp_permutations=0, inner_folds=0, test_permutations=19, bootstrap=100
)


def value(scores, metric, table, *params):
    rows = scores[(scores["metric"] == metric) & (scores["table"] == table) & (scores["subgroup"] == "")]
    for text in params:
        rows = rows[rows["parameters"].str.contains(text, regex=False)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_site_and_nothing_else(make_table, set_vectors):
    table = make_table(sites=3, subjects=60, train=60)
    rng = np.random.default_rng(0)
    vectors = 20 * np.eye(3)[table["site"].str[-1].astype(int)] + rng.normal(size=(len(table), 3))
    scores = evaluated(set_vectors(table, vectors), SETTINGS)
    for probe in ("linear", "knn"):
        assert value(scores, "balanced_accuracy", "leakage", "standardised", f"probe={probe}")["value"] == 1.0
    found = value(scores, "mAP", "retrieval", "other_sites", "CN/AD")
    assert found["ci_low"] - 0.02 < found["chance"] < found["ci_high"] + 0.02
    assert value(scores, "balanced_accuracy", "disease")["value"] == pytest.approx(0.5, abs=0.12)
    assert value(scores, "same_site@10", "retrieval")["value"] == 1.0
    assert value(scores, "p_value", "leakage", "standardised", "given=nothing")["value"] == 1 / 20
    assert value(scores, "ilisi", "leakage", "standardised")["value"] < 0.01


def test_disease_and_no_site(make_table):
    scores = evaluated(make_table(sites=3, subjects=60, train=60, disease_strength=3.0, seed=1), SETTINGS)
    for probe in ("linear", "knn"):
        found = value(scores, "balanced_accuracy", "leakage", "standardised", f"probe={probe}")
        assert found["value"] == pytest.approx(1 / 3, abs=0.1)
        assert found["chance"] == pytest.approx(1 / 3, abs=0.1)
    assert value(scores, "mAP", "retrieval", "other_sites", "CN/AD")["value"] > 0.9
    assert value(scores, "balanced_accuracy", "disease")["value"] > 0.9
    assert value(scores, "cross_site_balanced_accuracy", "disease")["value"] > 0.9
    assert value(scores, "collapsed", "structure")["value"] == 1.0  # one direction holds nearly everything


def test_two_labels_of_another_kind_take_the_place_of_the_diagnoses(make_table):
    table = make_table(subjects=30, train=30, disease_strength=3.0)
    other = table.assign(diagnosis=table["diagnosis"].map({"CN": "low", "MCI": "middle", "AD": "high"}))
    scores = evaluated(other[other["diagnosis"] != "middle"], SETTINGS)
    assert value(scores, "mAP", "retrieval", "other_sites", "label=high/low")["value"] > 0.9
    assert value(scores, "balanced_accuracy", "disease")["value"] > 0.9


def test_intervals_cover_the_truth_at_about_their_nominal_rate():
    # Subjects with two scans each and values with a common part: 200 experiments; a rate of 95 % has a standard error
    # of 1.5 points, and a percentile interval over 40 subjects covers a little less than it says.
    rng = np.random.default_rng(5)
    subject, site = np.repeat(np.arange(40), 2).astype(str), np.array(["a", "b"] * 40)
    covered = 0
    for seed in range(200):
        values = np.repeat(rng.normal(size=40), 2) + 0.5 * rng.normal(size=80)
        low, high = interval(mean_replicates(values, subject, site, 300, seed))
        covered += low < 0 < high
    assert 0.88 <= covered / 200 <= 0.99

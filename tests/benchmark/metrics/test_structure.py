"""Effective rank and the first component's share."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.decomposition import PCA

from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.structure import exp_entropy, scores, variance_shares
from tests.tables import frame_of


def test_against_pca_and_scipy():
    ldr = np.random.default_rng(0).normal(size=(80, 5)) * [5, 3, 1, 1, 0.1]
    ratios = PCA().fit(ldr).explained_variance_ratio_
    assert variance_shares(ldr) == pytest.approx(ratios)
    assert exp_entropy(variance_shares(ldr)) == pytest.approx(math.exp(entropy(ratios)))


@pytest.mark.parametrize(("shares", "rank"), [([1, 0, 0], 1), ([0.5, 0.5, 0], 2), ([0.25] * 4, 4)])
def test_by_hand(shares, rank):
    assert exp_entropy(np.array(shares, dtype=float)) == pytest.approx(rank)


def test_one_dimension():
    assert variance_shares(np.arange(5.0)[:, None]).tolist() == [1.0]


def test_collapse_to_a_line(make_table, set_vectors):
    table = make_table()
    line = np.random.default_rng(0).normal(size=(len(table), 1)) * np.ones((1, 4))
    rank, share, collapsed = scores(scored_scans(set_vectors(table, line)), EvaluationSettings())
    assert (rank.value, share.value, collapsed.value) == (pytest.approx(1.0), pytest.approx(1.0), 1.0)


@pytest.mark.parametrize(
    ("spread", "flagged"), [([1] * 6, 0.0), ([1, 1, 1, 0.01, 0.01, 0.01], 1.0), ([4] + [1] * 9, 1.0)]
)
def test_collapse_flag(make_table, set_vectors, spread, flagged):
    # Six equal directions: rank 6. Three: rank 3, below 4. One with 16 of 25 parts of the variance: 64 %, above 60 %.
    table = make_table(subjects=150)
    vectors = np.random.default_rng(0).normal(size=(len(table), len(spread))) * spread
    assert scores(scored_scans(set_vectors(table, vectors)), EvaluationSettings())[2].value == flagged


def test_test_scans_are_measured_and_counted(make_table):
    frame = frame_of(scores(scored_scans(make_table()), EvaluationSettings()))
    assert frame["n"].tolist() == [36, 36, 36]
    assert set(frame["parameters"]) == {"coordinates=raw;dimensions=6"}
    assert frame["higher_is_better"].tolist() == [True, False, False]


@pytest.mark.parametrize(("rows", "reason"), [(36, "the LDR is constant"), (1, "fewer than two scans")])
def test_undefined(make_table, set_vectors, rows, reason):
    table = make_table()
    table = set_vectors(table, np.full((len(table), 3), 0.1))
    found = scores(scored_scans(table[table["split"] == "test"].head(rows)), EvaluationSettings())
    assert all(score.note == reason for score in found)
    assert [math.isnan(score.value) for score in found] == [True, True, rows == 1]
    # Nothing is more collapsed than one vector for everybody.
    assert rows == 1 or found[2].value == 1.0

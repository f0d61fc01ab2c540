"""BRAS against a double loop, by hand, and on data with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from benchmark.metrics.mixing import bras
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings()
RNG = np.random.default_rng(0)
FEATURES, SITE = RNG.normal(size=(60, 4)), RNG.integers(3, size=60)
DIAGNOSIS = RNG.choice(["CN", "MCI", "AD", ""], size=60)


def slow_bras(features, diagnosis, site):
    means = []
    for label in sorted(set(diagnosis) - {""}):
        rows, values = np.flatnonzero(diagnosis == label), []
        for i in rows:
            own = [cosine(features[i], features[j]) for j in rows if j != i and site[j] == site[i]]
            other = [cosine(features[i], features[j]) for j in rows if site[j] != site[i]]
            a, b = np.mean(own) if own else math.nan, np.mean(other)
            values.append(1 - abs((b - a) / max(a, b)) if own else 1.0)
        means.append(np.mean(values))
    return np.mean(means)


def test_against_a_double_loop_without_unknown_diagnoses():
    value, counted = bras.silhouettes(FEATURES, DIAGNOSIS, SITE)
    assert value == pytest.approx(slow_bras(FEATURES, DIAGNOSIS, SITE))
    assert counted == (DIAGNOSIS != "").sum()


def test_by_hand():
    # Site 0 at 0° and 90°, site 1 at 180° twice. Scan 1: a = 1 - cos 90° = 1, b = 1 - cos 180° = 2, s = 1/2. Scan 2:
    # a = 1, b = 1, s = 0. Scans 3 and 4: a = 0, so s = 1. The mean of 1 - |s| is (1/2 + 1 + 0 + 0) / 4.
    features = np.array([[1.0, 0], [0, 1], [-1, 0], [-1, 0]])
    value, counted = bras.silhouettes(features, np.repeat("CN", 4), np.array([0, 0, 1, 1]))
    assert (value, counted) == (pytest.approx(0.375), 4)


def test_a_diagnosis_counts_as_much_as_another_however_many_scans_it_has():
    few, many = DIAGNOSIS == "CN", DIAGNOSIS == "AD"
    both = few | many
    parts = [bras.silhouettes(FEATURES[one], DIAGNOSIS[one], SITE[one])[0] for one in (few, many)]
    assert bras.silhouettes(FEATURES[both], DIAGNOSIS[both], SITE[both])[0] == pytest.approx(np.mean(parts))
    assert few.sum() != many.sum()


def test_lengths_names_of_sites_and_order_change_nothing():
    value, _ = bras.silhouettes(FEATURES, DIAGNOSIS, SITE)
    order = RNG.permutation(60)
    longer = FEATURES * RNG.uniform(0.5, 5, size=(60, 1))
    assert bras.silhouettes(longer, DIAGNOSIS, SITE)[0] == pytest.approx(value)
    assert bras.silhouettes(FEATURES[order], DIAGNOSIS[order], np.array([1, 2, 0])[SITE[order]])[0] == pytest.approx(
        value
    )


def test_sites_within_a_diagnosis_count_and_diagnoses_apart_do_not(make_table):
    apart = bras.scores(scored_scans(make_table(subjects=40, travelling=0, train=40, site_strength=40.0)), SETTINGS)
    mixed = bras.scores(scored_scans(make_table(subjects=40, travelling=0, train=40, disease_strength=5.0)), SETTINGS)
    for one, other in zip(apart, mixed, strict=True):
        assert one.value < one.chance - 0.25
        # 1 - |s| falls below 1 by chance alone, the more so the fewer scans: only chance says what is good.
        assert other.value == pytest.approx(other.chance, abs=0.1)


def test_no_diagnosis_has_a_reason(make_table):
    for score in bras.scores(scored_scans(make_table().assign(diagnosis="")), SETTINGS):
        assert math.isnan(score.value)
        assert (score.n, score.note) == (0, "no diagnosis has scans of two sites, two of one of them")

"""Graded relevance against scikit-learn, by hand, and its chance level by enumeration."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from benchmark.metrics.graded import ndcg_of_gains, scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(distances=("euclidean",), bootstrap=50)


def quality_of(gain):
    gain = np.array(gain)
    return ndcg_of_gains(gain[:, :10], *((gain == one).sum(axis=1) for one in (3.0, 1.0, 0.0)))


def test_against_scikit_learn():
    rng = np.random.default_rng(0)
    gain = rng.choice([0.0, 1.0, 3.0], size=(20, 30))
    value, _ = quality_of(gain)
    expected = [ndcg_score([row], [-np.arange(30.0)], k=10) for row in gain]
    assert value == pytest.approx(expected)


def test_by_hand():
    # Gains 1, 3, 0...: DCG = 1 + 3 / log2(3); ideal 3 + 1 / log2(3).
    value, expected = quality_of([[1.0, 3.0, *[0.0] * 9]])
    assert value[0] == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))
    discounts = sum(1 / math.log2(rank + 1) for rank in range(1, 11))
    assert expected[0] == pytest.approx(4 / 11 * discounts / (3 + 1 / math.log2(3)))


def test_scores_against_a_loop(make_table):
    scans = scored_scans(make_table(subjects=20, disease_strength=0.5))
    (found,) = scores(scans, SETTINGS)
    order, by_site = {"CN": 0, "MCI": 1, "AD": 2}, {}
    for i in range(len(scans)):
        distance = np.square(scans.ldr - scans.ldr[i]).sum(axis=1)
        others = [
            j
            for j in np.lexsort((scans.key, distance))
            if scans.subject[j] != scans.subject[i] and scans.site[j] != scans.site[i]
        ]
        gain = [2 ** (2 - abs(order[scans.diagnosis[j]] - order[scans.diagnosis[i]])) - 1 for j in others]
        value = ndcg_score([gain], [-np.arange(float(len(gain)))], k=10)
        # A random order, by linearity: every place has the mean gain.
        chance = np.mean(gain) * ndcg_score([np.ones(len(gain))], [np.ones(len(gain))], k=10)
        ideal = sum(g / math.log2(r + 2) for r, g in enumerate(sorted(gain, reverse=True)[:10]))
        chance *= sum(1 / math.log2(r + 2) for r in range(10)) / ideal
        by_site.setdefault(scans.site[i], []).append((value, chance))
    value, chance = np.mean([np.mean(by_site[site], axis=0) for site in by_site], axis=0)
    assert (found.value, found.chance) == (pytest.approx(value), pytest.approx(chance))


def test_chance_is_the_mean_over_every_order():
    gains = [3.0, 1.0, *[0.0] * 9]
    value, expected = quality_of(sorted(set(_placements(gains))))
    assert value.mean() == pytest.approx(expected[0])


def _placements(gains):
    for first, second in itertools.permutations(range(len(gains)), 2):
        row = [0.0] * len(gains)
        row[first], row[second] = 3.0, 1.0
        yield tuple(row)


def test_neighbours_in_severity_count_half_and_the_table_says_so(make_table):
    (found,) = scores(scored_scans(make_table(subjects=30, disease_strength=0.5)), SETTINGS)
    assert found.value > found.chance + 0.03
    assert found.params.get("label") == "CN<MCI<AD"
    assert found.ci_low < found.value < found.ci_high


def test_undefined(make_table):
    table = make_table()
    (found,) = scores(scored_scans(table[table["diagnosis"] != "MCI"]), SETTINGS)
    assert (math.isnan(found.value), found.note) == (True, "no scan is MCI: nothing to grade")
    (found,) = scores(scored_scans(make_table(sites=1)), SETTINGS)
    assert math.isnan(found.value)
    assert "fewer than 10 scans" in found.note
    assert scores(scored_scans(table), EvaluationSettings(graded=False)) == []


def test_galleries_of_one_label_grade_nothing(make_table):
    table = make_table(subjects=40)
    (found,) = scores(scored_scans(table.assign(diagnosis="MCI")), SETTINGS)
    assert math.isnan(found.value)
    assert (found.n, found.note) == (0, "one label alone: every scan of the gallery is relevant")
    others = table[(table["site"] == "site0") | (table["diagnosis"] == "MCI")]
    (found,) = scores(scored_scans(others), SETTINGS, ["site0"])
    assert math.isnan(found.value)
    assert found.note == "every scan of a query's gallery has the same label"
    assert math.isfinite(scores(scored_scans(others), SETTINGS)[0].value)

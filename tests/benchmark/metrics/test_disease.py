"""The CN against AD probe."""

from __future__ import annotations

import math

import pytest

from benchmark.metrics.disease import scores
from benchmark.metrics.rows import key_values
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(permutations=10, inner_folds=0)


def test_disease_is_found_where_it_is(make_table):
    (strong,) = scores(scored_scans(make_table(subjects=30, train=30, disease_strength=2.0)), SETTINGS)
    (none,) = scores(scored_scans(make_table(subjects=30, train=30, disease_strength=0.0)), SETTINGS)
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
    (found,) = scores(scored_scans(table[table["diagnosis"] == left]), SETTINGS)
    assert math.isnan(found.value)
    assert found.note == reason

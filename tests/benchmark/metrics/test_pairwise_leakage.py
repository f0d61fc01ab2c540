"""Leakage between pairs of sites."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.metrics.pairwise_leakage import scores
from benchmark.metrics.rows import parse_key_values
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from tests.tables import frame_of

SETTINGS = EvaluationSettings()


def test_only_the_site_that_differs_is_told_from_the_others(make_table, set_vectors):
    table = make_table(sites=4, subjects=30, train=60)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(table), 3))
    vectors[:, 1] += 4.0 * (table["site"] == "site2")
    overall, *pairs = scores(scored_scans(set_vectors(table, vectors)), SETTINGS)
    matrix = {tuple(parse_key_values(score.subgroup).values()): score.value for score in pairs}
    assert len(matrix) == 12
    for (a, b), value in matrix.items():
        assert value == matrix[b, a]
        if "site2" in (a, b):
            assert value > 0.9
        else:
            assert value == pytest.approx(0.5, abs=0.2)
    assert overall.value == pytest.approx(np.mean(list(matrix.values())))
    assert not frame_of([overall, *pairs]).duplicated(["parameters", "subgroup"]).any()


def test_a_missing_pair_leaves_no_mean(make_table):
    table = make_table(travelling=0)
    table = table[(table["site"] != "site1") | (table["subject_id"] == "s1-0") | (table["split"] == "train")]
    overall, *pairs = scores(scored_scans(table), SETTINGS)
    assert math.isnan(overall.value)
    assert overall.note == "'site1' has one subject, too few to cross-validate"
    assert sum(math.isnan(score.value) for score in pairs) == 4


def test_one_site(make_table):
    (overall,) = scores(scored_scans(make_table(sites=1)), SETTINGS)
    assert (overall.note, math.isnan(overall.value)) == ("fewer than two sites", True)

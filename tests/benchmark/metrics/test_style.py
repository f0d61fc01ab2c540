"""What a style code holds."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.rows import key_values
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.style import scores

SETTINGS = EvaluationSettings(permutations=2, bootstrap=20)


def test_site_and_disease_in_the_code(make_table):
    table = make_table(subjects=24, train=30)
    rng = np.random.default_rng(0)
    table["s0"] = table["site"].str[-1].astype(float) + 0.05 * rng.normal(size=len(table))
    table["s1"] = rng.normal(size=len(table))
    site, disease = scores(scored_scans(table), SETTINGS)
    assert (site.metric.table, site.metric.higher_is_better, disease.metric.higher_is_better) == ("style", True, False)
    assert site.value > 0.95
    assert 0.3 < disease.value < 0.7
    assert (site.n, disease.n) == (3 * 27, 3 * 18)
    table["s1"] = (table["diagnosis"] == "AD") + 0.05 * rng.normal(size=len(table))
    assert scores(scored_scans(table), SETTINGS)[1].value > 0.95


def test_no_code_no_rows(make_table):
    assert scores(scored_scans(make_table().assign(s_other=1.0, split2="x")), SETTINGS) == []


def test_a_code_that_says_nothing_is_undefined(make_table):
    site, disease = scores(scored_scans(make_table().assign(s0=1.0)), SETTINGS)
    assert np.isnan([site.value, disease.value]).all()
    assert site.note == "the LDR is constant over the reference scans"


def test_the_params_say_that_scored_scans_gave_the_statistics(make_table):
    table = make_table().assign(s0=np.arange(66.0))
    assert {key_values(**score.params) for score in scores(scored_scans(table), SETTINGS)} == {
        "coordinates=standardised;folds=5;probe=linear;statistics=all",
        "coordinates=standardised;folds=5;label=CN/AD;probe=linear;statistics=all",
    }

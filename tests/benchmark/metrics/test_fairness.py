"""Worst site and range agree with the rows by query site."""

from __future__ import annotations

import math

import pytest

from benchmark.metrics.fairness import scores
from benchmark.metrics.retrieval import scores as retrieval_scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(bootstrap=0)


def test_against_the_rows_by_site(make_table):
    scans = scored_scans(make_table(sites=4))
    by_site = {
        score.subgroup: score.value
        for score in retrieval_scores(scans, SETTINGS)
        if score.metric.name == "mAP"
        and (score.params["gallery"], score.params["label"]) == ("other_sites", "CN/AD")
        and score.subgroup
    }
    worst, spread = scores(scans, SETTINGS)
    assert worst.value == pytest.approx(min(by_site.values()))
    assert spread.value == pytest.approx(max(by_site.values()) - min(by_site.values()))
    assert (worst.n, worst.note) == (4, "")


def test_one_query_site(make_table):
    found = scores(scored_scans(make_table()), SETTINGS, ["site0"])
    assert all(math.isnan(score.value) and score.note == "fewer than two query sites" for score in found)


def test_a_site_without_a_defined_query(make_table):
    table = make_table(travelling=0)
    table.loc[table["site"] != "site0", "diagnosis"] = "CN"
    table.loc[table["site"] == "site0", "diagnosis"] = "AD"
    found = scores(scored_scans(table), SETTINGS)
    assert all(math.isnan(score.value) and score.note == "no defined query at site0" for score in found)


def test_one_label_alone_is_not_perfectly_fair(make_table):
    found = scores(scored_scans(make_table().assign(diagnosis="AD")), SETTINGS)
    assert all(math.isnan(score.value) for score in found)
    assert {score.note for score in found} == {"one label alone: every scan of the gallery is relevant"}


def test_a_distance_that_cannot_be_taken_is_named(make_table):
    table = make_table()
    settings = EvaluationSettings(distances=("within_subject",), bootstrap=0)
    found = scores(scored_scans(table[table["split"] == "test"].drop(columns="split")), settings)
    assert {score.note for score in found} == {"no training scans to take the within-subject covariance from"}

"""The matrix of query sites and gallery sites against a loop."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from benchmark.metrics.rows import parse_key_values
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.site_matrix import scores

SETTINGS = EvaluationSettings(distances=("euclidean",))


def test_against_a_loop(make_table):
    scans = scored_scans(make_table(subjects=9, travelling=3))
    part = scans.where(np.isin(scans.diagnosis, ("CN", "AD")))
    found = scores(scans, SETTINGS)
    assert len(found) == 9
    for score in found:
        sites = parse_key_values(score.subgroup)
        values = []
        for i in np.flatnonzero(part.site == sites["query_site"]):
            gallery = (part.site == sites["gallery_site"]) & (part.subject != part.subject[i])
            relevant = part.diagnosis[gallery] == part.diagnosis[i]
            similarity = -np.square(part.ldr[gallery] - part.ldr[i]).sum(axis=1)
            values.append(average_precision_score(relevant, similarity))
        assert score.value == pytest.approx(np.mean(values))
        assert 0.4 < score.chance < 0.8


def test_a_gallery_without_relevant_scans(make_table):
    table = make_table(sites=2, subjects=6, travelling=0)
    table = table[(table["site"] != "site1") | (table["diagnosis"] != "AD")]
    found = {score.subgroup: score for score in scores(scored_scans(table), SETTINGS)}
    one = found["gallery_site=site1;query_site=site0"]
    assert (one.n, one.note) == (2, "2 of 4 queries have no relevant scan there")


def test_only_query_sites_query(make_table):
    found = scores(scored_scans(make_table()), SETTINGS, ["site1"])
    assert {parse_key_values(score.subgroup)["query_site"] for score in found} == {"site1"}


def test_one_label_alone_fills_no_cell(make_table):
    found = scores(scored_scans(make_table().assign(diagnosis="CN")), SETTINGS)
    assert len(found) == 9
    assert np.isnan([(score.value, score.chance) for score in found]).all()
    assert {(score.n, score.note) for score in found} == {(0, "one label alone: every scan of the gallery is relevant")}


def test_without_any_label_every_cell_says_so(make_table):
    found = scores(scored_scans(make_table().assign(diagnosis="")), SETTINGS, ["site1"])
    assert [score.subgroup for score in found] == [f"gallery_site=site{one};query_site=site1" for one in range(3)]
    assert np.isnan([score.value for score in found]).all()
    assert {(score.n, score.note) for score in found} == {(0, "no query")}


def test_a_distance_that_cannot_be_taken_leaves_every_cell_undefined(make_table):
    table = make_table()
    settings = EvaluationSettings(distances=("within_subject",))
    found = scores(scored_scans(table[table["split"] == "test"].drop(columns="split")), settings)
    assert len(found) == 9
    assert np.isnan([score.value for score in found]).all()
    assert {score.note for score in found} == {"no training scans to take the within-subject covariance from"}

"""Conditional leakage is at chance where diagnosis explains the site, and not where it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.metrics.conditional_leakage import covariate_features, scores
from benchmark.metrics.leakage import scores as leakage_scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(probes=("linear",), permutations=0, mlp_permutations=0, inner_folds=0, bootstrap=0)


def confounded(make_table, set_vectors, site_strength):
    """Two sites with different mixes of diagnoses; vectors know the diagnosis, and the site as told."""
    table = make_table(sites=2, subjects=150, travelling=0, train=60)
    rng = np.random.default_rng(0)
    probable = np.where(table["site"] == "site0", 0.8, 0.2)
    table["diagnosis"] = np.where(rng.random(len(table)) < probable, "CN", "AD")
    table["age"] = rng.uniform(60, 80, len(table))
    vectors = rng.normal(size=(len(table), 4))
    vectors[:, 0] += np.where(table["diagnosis"] == "CN", -3.0, 3.0)
    vectors[:, 1] += site_strength * np.where(table["site"] == "site0", -1.0, 1.0)
    return scored_scans(set_vectors(table, vectors))


def values(scans):
    found = {(s.metric.name, s.params["coordinates"]): s for s in scores(scans, SETTINGS)}
    return found["gain_over_covariates", "standardised"], found["within_strata", "standardised"]


def raw(scans):
    (found,) = [
        s for s in leakage_scores(scans, SETTINGS) if not s.subgroup and s.params["coordinates"] == "standardised"
    ]
    return found.value


def test_a_site_seen_through_the_diagnosis_alone(make_table, set_vectors):
    scans = confounded(make_table, set_vectors, 0.0)
    gain, within = values(scans)
    # The diagnosis alone names the site right in 80 % of cases.
    assert raw(scans) > 0.7
    assert gain.value == pytest.approx(0.0, abs=0.06)
    assert within.value == pytest.approx(0.5, abs=0.1)
    assert (within.chance, within.n, gain.chance) == (0.5, 300, 0.0)


def test_a_site_beyond_the_diagnosis(make_table, set_vectors):
    gain, within = values(confounded(make_table, set_vectors, 2.0))
    assert gain.value > 0.1
    assert within.value > 0.9


def test_covariates_are_finite_where_age_and_sex_are_unknown(make_table):
    table = make_table().assign(sex="")
    table.loc[::2, "age"] = np.nan
    features = covariate_features(scored_scans(table))
    assert np.isfinite(features).all()
    assert np.isfinite(covariate_features(scored_scans(table.assign(age=np.nan)))).all()


def test_scans_of_lonely_strata_are_counted(make_table):
    table = make_table(sites=2, subjects=9, travelling=0)
    alone = (table["site"] == "site0") & (table["subject_id"] == "s0-0")
    table.loc[alone, "diagnosis"] = "PD"
    found = [s for s in scores(scored_scans(table), SETTINGS) if s.metric.name == "within_strata"]
    assert all(score.note.endswith("scans are in strata with fewer than two sites of two subjects") for score in found)


def test_undefined(make_table):
    for score in scores(scored_scans(make_table(sites=1)), SETTINGS):
        assert math.isnan(score.value)
        assert score.note in (
            "fewer than two classes: site0",
            "no stratum of diagnosis and age has two sites with two subjects each",
        )

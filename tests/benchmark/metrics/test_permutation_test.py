"""p-values: uniform where there is nothing, smallest where there is a site, blind to what age and diagnosis explain."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from benchmark.metrics.permutation_test import p_value, scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(test_permutations=39, folds=3)


def by_params(scans, settings=SETTINGS):
    return {(score.params["coordinates"], score.params["given"]): score for score in scores(scans, settings)}


def value(found, coordinates, given):
    return found[coordinates, given].value


@pytest.mark.parametrize("clustered", [False, True])
def test_uniform_under_the_null_also_with_repeat_scans(clustered):
    # Two scans a subject, nearly alike if clustered: a test that shuffled single scans would reject too often.
    rng = np.random.default_rng(4)
    owner = np.repeat(np.arange(24), 2)
    site = np.repeat(np.arange(24) % 3, 2)
    found = []
    for draw in range(150):
        features = rng.normal(size=(24, 3))[owner] if clustered else rng.normal(size=(48, 3))
        features = features + 0.1 * rng.normal(size=(48, 3))
        found.append(p_value(features, site, owner, np.zeros(48, int), replace(SETTINGS, seed=draw)))
    # p is discrete in steps of 1/40 and ties push it up, so the comparison is with a uniform on the steps.
    jittered = np.array(found) - rng.uniform(0, 1 / 40, size=150)
    assert kstest(jittered, "uniform").pvalue > 0.01
    assert np.mean(np.array(found) <= 0.05) < 0.12


def test_a_site_gives_the_smallest_p(make_table):
    found = by_params(scored_scans(make_table(subjects=12, train=40, site_strength=2.0)))
    assert {score.value for score in found.values()} == {1 / 40}
    assert {score.n for score in found.values()} == {3 * 12 + 3}


def test_a_site_that_diagnosis_explains_is_seen_raw_and_not_given_the_diagnosis(make_table, set_vectors):
    raw, conditional = [], []
    for seed in range(6):
        table = make_table(sites=2, subjects=36, travelling=0, train=30, seed=seed)
        rng = np.random.default_rng(seed)
        test = (table["split"] == "test").to_numpy()
        # site0 mostly CN, site1 mostly AD; the vectors know the diagnosis and nothing else.
        probable = np.where(table["site"] == "site0", 0.85, 0.15)
        table.loc[test, "diagnosis"] = np.where(rng.random(len(table)) < probable, "CN", "AD")[test]
        vectors = rng.normal(size=(len(table), 3))
        vectors[:, 0] += np.where(table["diagnosis"] == "CN", -2.0, 2.0)
        found = by_params(scored_scans(set_vectors(table, vectors)))
        raw.append(value(found, "standardised", "nothing"))
        conditional.append(value(found, "standardised", "age+diagnosis"))
    assert max(raw) == 1 / 40
    assert np.median(conditional) > 0.1


@pytest.mark.parametrize(
    ("sites", "settings", "reason"),
    [
        (1, SETTINGS, "fewer than two sites"),
        (3, replace(SETTINGS, test_permutations=0), "no permutations were asked for"),
    ],
)
def test_undefined(make_table, sites, settings, reason):
    found = scores(scored_scans(make_table(sites=sites)), settings)
    assert all(math.isnan(score.value) and score.note == reason for score in found)


def test_undefined_for_a_site_with_one_subject_and_for_a_constant(make_table, set_vectors):
    table = make_table(travelling=0)
    lonely = table[(table["site"] != "site1") | (table["subject_id"] == "s1-0") | (table["split"] == "train")]
    assert {score.note for score in scores(scored_scans(lonely), SETTINGS)} == {"a site has one subject"}
    constant = set_vectors(table, np.full((len(table), 2), 0.1))
    reasons = {score.note for score in scores(scored_scans(constant), SETTINGS)}
    assert reasons == {"the LDR is constant over the reference scans"}

"""Where there is no site, or none beyond diagnosis or age: p-values are uniform, and costly probes at chance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

from benchmark.metrics import leakage, permutation_test
from benchmark.metrics.conditional_leakage import scores as conditional_scores
from benchmark.metrics.rows import key_values
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

pytestmark = pytest.mark.slow

SETTINGS = EvaluationSettings(test_permutations=39, folds=3, permutations=0, mlp_permutations=0, inner_folds=0)
DRAWS = 80


def through_diagnosis(table, rng):
    """site0 is mostly CN, site1 mostly AD, and the vectors know the diagnosis."""
    healthy = rng.random(len(table)) < np.where(table["site"] == "site0", 0.8, 0.2)
    return table.assign(diagnosis=np.where(healthy, "CN", "AD")), np.where(healthy, -1.5, 1.5)


def through_two_ages(table, rng):
    """Of site0 29 of 36 subjects are 65 years old, of site1 7, the others 75, and the vectors know the age."""
    young = np.zeros(len(table), bool)
    for site, number in (("site0", 29), ("site1", 7)):
        # As many at 65 as at 75 in all, so that the median lies between the two.
        young[rng.permutation(np.flatnonzero((table["site"] == site) & (table["split"] == "test")))[:number]] = True
    return table.assign(age=np.where(young, 65.0, 75.0), diagnosis="CN"), np.where(young, -1.5, 1.5)


def through_age(table, rng):
    """Ages at site0 are around 67 years, at site1 around 73, with a spread of 5, and the vectors know the age."""
    age = np.where(table["site"] == "site0", 67, 73) + 5 * rng.normal(size=len(table))
    return table.assign(age=age, diagnosis="CN"), 0.4 * (age - 70)


def through_a_curve_in_age(table, rng):
    """Ages at site0 are within a few years of 70, at site1 within many, and the vectors know how far they are."""
    age = 70 + np.where(table["site"] == "site0", 2, 8) * rng.normal(size=len(table))
    return table.assign(age=age, diagnosis="CN"), 0.04 * np.square(age - 70)


@pytest.fixture
def p_values(make_table, set_vectors):
    """p of many draws of a cohort of two sites, by what is given, in standardised coordinates."""

    def of(confounded, age_strata=2):
        plain = make_table(sites=2, subjects=36, travelling=0, train=10)
        found = {"nothing": [], "age+diagnosis": []}
        for draw in range(DRAWS):
            rng = np.random.default_rng(draw)
            table, known = confounded(plain, rng)
            vectors = rng.normal(size=(len(table), 3))
            vectors[:, 0] += known
            settings = replace(SETTINGS, seed=draw, age_strata=age_strata)
            for score in permutation_test.scores(scored_scans(set_vectors(table, vectors)), settings):
                for given in found:
                    if (score.params["coordinates"], score.params["given"]) == ("standardised", given):
                        found[given].append(score.value)
        return {given: np.array(values) for given, values in found.items()}

    return of


def uniform(p, alternative="two-sided"):
    """Kolmogorov and Smirnov's p for a uniform on steps of 1/40, which a uniform on each step makes continuous.

    The alternative "greater" is that small p come too often.
    """
    assert len(p) == DRAWS
    jittered = p - np.random.default_rng(0).uniform(0, 1 / 40, size=len(p))
    return kstest(jittered, "uniform", alternative=alternative).pvalue


@pytest.mark.parametrize("confounded", [through_diagnosis, through_two_ages])
def test_p_given_age_and_diagnosis_is_uniform_where_they_explain_the_site(p_values, confounded, monkeypatch):
    found = p_values(confounded)
    assert np.median(found["nothing"]) == 1 / 40
    # 72 answers are often as good for a permutation as for the sites; such ties count against the sites and push p up.
    assert uniform(found["age+diagnosis"], "greater") > 0.01
    # 5 % of 80 draws, with a standard error of 2.4 points.
    assert np.mean(found["age+diagnosis"] <= 0.05) <= 0.05 + 3 * 0.024
    # With ties broken at random nothing is left that pushes.
    original, rng = permutation_test.balanced_accuracies, np.random.default_rng(0)
    monkeypatch.setattr(
        permutation_test, "balanced_accuracies", lambda *given: (a := original(*given)) + rng.uniform(0, 1e-6, a.shape)
    )
    assert uniform(p_values(confounded)["age+diagnosis"]) > 0.01


@pytest.mark.parametrize("parts", [1, 2, 8])
def test_p_given_a_continuous_age_is_uniform_where_it_explains_the_site(p_values, parts):
    found = p_values(through_age, parts)
    # Sites still differ in age within a part of it, which the line in age must take out.
    assert np.median(found["nothing"]) == 1 / 40
    assert uniform(found["age+diagnosis"], "greater") > 0.01
    assert np.mean(found["age+diagnosis"] <= 0.05) <= 0.05 + 3 * 0.024


def test_fine_parts_of_the_age_explain_what_one_line_leaves(p_values):
    few, many = (p_values(through_a_curve_in_age, parts)["age+diagnosis"] for parts in (1, 8))
    assert np.mean(few <= 0.05) > 0.4
    assert uniform(many, "greater") > 0.01
    assert np.mean(many <= 0.05) <= 0.05 + 3 * 0.024


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_conditional_leakage_where_sites_differ_in_age(make_table, set_vectors, shift):
    plain = make_table(sites=2, subjects=60, travelling=0, train=10)
    p, within = [], []
    for draw in range(60):
        rng = np.random.default_rng(draw)
        table, known = through_age(plain, rng)
        vectors = rng.normal(size=(len(table), 3))
        vectors[:, 0] += known
        vectors[:, 1] += shift * (table["site"] == "site0")
        scans, settings = scored_scans(set_vectors(table, vectors)), replace(SETTINGS, seed=draw)
        p += [
            score.value
            for score in permutation_test.scores(scans, settings)
            if (score.params["coordinates"], score.params["given"]) == ("standardised", "age+diagnosis")
        ]
        within += [
            score.value
            for score in conditional_scores(scans, settings)
            if score.metric.name == "within_strata" and score.params["coordinates"] == "standardised"
        ]
    assert len(p) == len(within) == 60
    small = np.mean(np.array(p) <= 0.05)
    if shift:
        # With the sites known but for a shift of one standard deviation, no classifier is right more often than 0.69.
        assert small > 0.6
        assert np.mean(within) > 0.62
    else:
        # 5 % of 60 draws has a standard error of 2.8 points, the mean of 60 accuracies of 120 scans 0.6.
        assert small <= 0.05 + 3 * 0.028
        assert np.mean(within) == pytest.approx(0.5, abs=4 * 0.006)


def test_gain_over_covariates_is_about_zero_where_age_explains_the_site(make_table, set_vectors):
    plain = make_table(sites=2, subjects=60, travelling=0, train=10)
    gains = []
    for draw in range(12):
        rng = np.random.default_rng(draw)
        table, known = through_age(plain, rng)
        vectors = rng.normal(size=(len(table), 3))
        vectors[:, 0] += known
        found = conditional_scores(scored_scans(set_vectors(table, vectors)), SETTINGS)
        gains += [
            s.value for s in found if s.metric.name.startswith("gain") and s.params["coordinates"] == "standardised"
        ]
    # A difference of two accuracies of 120 scans has a standard error of at most sqrt(2 / 480), and the mean of twelve
    # draws of it, 1.9 points.
    assert np.mean(gains) == pytest.approx(0.0, abs=3 * 0.019)


# Stopping at the iteration limit is part of what the MLP is.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("probe", ["mlp", "boosting"])
def test_costly_probes_are_at_chance_without_a_site(make_table, set_vectors, probe):
    table = make_table(sites=2, subjects=80, travelling=0, train=20)
    settings = replace(SETTINGS, probes=(probe,), bootstrap=0, folds=5)
    values = {}
    for draw in range(3):
        vectors = np.random.default_rng(draw).normal(size=(len(table), 4))
        for score in leakage.scores(scored_scans(set_vectors(table, vectors)), settings):
            if not score.subgroup:
                values.setdefault(key_values(**score.params), []).append(score.value)
    # 480 answers, each right with 1/2: a standard error of sqrt(1 / (4 * 480)) = 2.3 points; four of them, for answers
    # of one fold come from one model.
    assert len(values) == (3 if probe == "mlp" else 2)
    for found in values.values():
        assert np.mean(found) == pytest.approx(0.5, abs=4 * 0.023)

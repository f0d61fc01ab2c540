"""Probes and tests against scikit-learn and loops that share nothing with them but the folds."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeCV
from sklearn.metrics import balanced_accuracy_score, r2_score, recall_score
from sklearn.model_selection import GridSearchCV, GroupKFold, LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from benchmark.metrics import (
    age_and_anatomy,
    conditional_leakage,
    disease,
    leakage,
    pairwise_leakage,
    style,
)
from benchmark.metrics.decoding import PENALTIES
from benchmark.metrics.feature_scaling import transform
from benchmark.metrics.folds import design, stratified_folds
from benchmark.metrics.permutation_test import p_value
from benchmark.metrics.permutations import permuted_sites
from benchmark.metrics.rows import parse_key_values
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(probes=("linear",), permutations=0, mlp_permutations=0, inner_folds=0, bootstrap=0)
LOGISTIC = LogisticRegression(C=0.1, tol=1e-2, max_iter=200)


@pytest.fixture
def cohort(make_table):
    """Scans of subjects who differ in age and sex, some with two sessions, at sites that are seen a little."""
    table = make_table(subjects=18, train=20, site_strength=0.6)
    again = table[(table["split"] == "test") & (table.index % 5 == 0)].assign(session_id="ses-2")
    table = pd.concat([table, again], ignore_index=True)
    rng = np.random.default_rng(3)
    subjects = table["subject_id"].unique()
    table["age"] = table["subject_id"].map(dict(zip(subjects, rng.uniform(55, 90, len(subjects)), strict=True)))
    table["sex"] = table["subject_id"].map(dict(zip(subjects, rng.choice(["F", "M"], len(subjects)), strict=True)))
    table["anatomy_width"] = table["z0"] - table["z1"] + rng.normal(size=len(table))
    table["s0"] = table["site"].str[-1].astype(float) + rng.normal(size=len(table))
    table["s1"] = (table["diagnosis"] == "AD") + rng.normal(size=len(table))
    return scored_scans(table)


def standardised(scans):
    return StandardScaler().fit(scans.reference).transform(scans.ldr)


def balanced(features, truth, subject, model=LOGISTIC, folds=5):
    pairs = design(truth, subject, folds, 0, 0).truth.pairs
    return balanced_accuracy_score(truth, cross_val_predict(model, features, truth, cv=list(pairs)))


def ridge_classifier(features, truth, train, test):
    """Least squares on one-hot labels over their class's size, without an intercept; the largest output wins."""
    classes = np.unique(truth)
    onehot = (truth[train, None] == classes).astype(float)
    onehot = onehot / np.maximum(onehot.sum(axis=0), 1)
    model = make_pipeline(StandardScaler(with_std=False), Ridge(alpha=0.1 * len(train), fit_intercept=False))
    return classes[model.fit(features[train], onehot).predict(features[test]).argmax(axis=1)]


def ridge_predictions(features, truth, pairs, age=None, stratum=None):
    """Out of fold; with ages, of what a line in age through the training scans of each stratum leaves."""
    predicted = truth.copy()
    for train, test in pairs:
        left = features.copy()
        for one in () if age is None else np.unique(stratum):
            here, seen = np.flatnonzero(stratum == one), train[stratum[train] == one]
            left[here] -= LinearRegression().fit(age[seen, None], features[seen]).predict(age[here, None])
        predicted[test] = ridge_classifier(left, truth, train, test)
    return predicted


def test_leakage_of_every_site(cohort):
    pairs = design(cohort.site, cohort.subject, 5, 0, 0).truth.pairs
    for coordinates in ("standardised", "whitened"):
        features = transform(cohort.ldr, cohort.reference, coordinates)
        predicted = cross_val_predict(LOGISTIC, features, cohort.site, cv=list(pairs))
        found = [score for score in leakage.scores(cohort, SETTINGS) if score.params["coordinates"] == coordinates]
        recalls = recall_score(cohort.site, predicted, average=None)
        assert [score.value for score in found] == pytest.approx([recalls.mean(), *recalls])


def test_nested_choice_of_the_regularisation(cohort):
    settings = replace(SETTINGS, inner_folds=3)
    chosen = cohort.where(np.isin(cohort.diagnosis, ("CN", "AD")))
    found = design(chosen.diagnosis, chosen.subject, 5, 0, 0, 3).truth
    predicted = chosen.diagnosis.copy()
    for (train, test), inner in zip(found.pairs, found.inner, strict=True):
        within = [tuple(np.searchsorted(train, part) for part in pair) for pair in inner]
        search = GridSearchCV(LOGISTIC, {"C": [0.01, 0.1, 1.0]}, scoring="balanced_accuracy", cv=within)
        features = standardised(chosen)
        predicted[test] = search.fit(features[train], chosen.diagnosis[train]).predict(features[test])
    *_, score = disease.scores(cohort, settings)
    assert score.value == pytest.approx(balanced_accuracy_score(chosen.diagnosis, predicted))


def test_disease(cohort):
    chosen = cohort.where(np.isin(cohort.diagnosis, ("CN", "AD")))
    *_, found = disease.scores(cohort, SETTINGS)
    assert found.value == pytest.approx(balanced(standardised(chosen), chosen.diagnosis, chosen.subject))


def test_style(cohort):
    site, of_disease = style.scores(cohort, SETTINGS)
    code = cohort.other[["s0", "s1"]].to_numpy()
    scaled = StandardScaler().fit_transform(code)
    assert site.value == pytest.approx(balanced(scaled, cohort.site, cohort.subject))
    chosen = np.isin(cohort.diagnosis, ("CN", "AD"))
    # Scaled over all scored scans, the MCI among them, as the LDR is over all training scans.
    expected = balanced(scaled[chosen], cohort.diagnosis[chosen], cohort.subject[chosen])
    assert of_disease.value == pytest.approx(expected)
    assert expected > 0.6


def test_disease_at_sites_that_share_no_subject(make_table):
    scans = scored_scans(make_table(sites=4, subjects=18, travelling=0, train=20))
    chosen = scans.where(np.isin(scans.diagnosis, ("CN", "AD")))
    features = standardised(chosen)
    predicted = cross_val_predict(LOGISTIC, features, chosen.diagnosis, groups=chosen.site, cv=LeaveOneGroupOut())
    expected = [
        balanced_accuracy_score(chosen.diagnosis[chosen.site == one], predicted[chosen.site == one])
        for one in np.unique(chosen.site)
    ]
    overall, *by_site, _ = disease.scores(scans, SETTINGS)
    assert [score.value for score in by_site] == pytest.approx(expected)
    assert overall.value == pytest.approx(np.mean(expected))


def test_gain_over_covariates(cohort):
    text = np.stack([cohort.sex, cohort.diagnosis], axis=1)
    age = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False))
    covariates = np.hstack(
        [age.fit_transform(cohort.age[:, None]), OneHotEncoder(sparse_output=False).fit_transform(text)]
    )
    model = clone(LOGISTIC).set_params(class_weight="balanced")
    for coordinates in ("standardised", "whitened"):
        both = np.hstack([transform(cohort.ldr, cohort.reference, coordinates), covariates])
        expected = balanced(both, cohort.site, cohort.subject, model) - balanced(
            covariates, cohort.site, cohort.subject, model
        )
        (found,) = (
            score
            for score in conditional_leakage.scores(cohort, SETTINGS)
            if score.metric.name == "gain_over_covariates" and score.params["coordinates"] == coordinates
        )
        assert found.value == pytest.approx(expected)
        assert expected > 0.05


def test_within_strata(cohort):
    older = cohort.age >= np.median(cohort.age)
    right, scans = 0.0, 0
    for diagnosis, part in itertools.product(("CN", "MCI", "AD"), (False, True)):
        here = (cohort.diagnosis == diagnosis) & (older == part)
        for one in np.unique(cohort.site):
            if len(set(cohort.subject[here & (cohort.site == one)])) < 2:
                here &= cohort.site != one
        site, owner = cohort.site[here], np.unique(cohort.subject[here], return_inverse=True)[1]
        if len(set(site)) < 2:
            continue
        pairs = stratified_folds(np.unique(site, return_inverse=True)[1], owner, min(5, len(set(owner))))
        predicted = ridge_predictions(standardised(cohort)[here], site, pairs, cohort.age[here], np.zeros(len(site)))
        right += here.sum() * balanced_accuracy_score(site, predicted)
        scans += here.sum()
    (found,) = (
        score
        for score in conditional_leakage.scores(cohort, SETTINGS)
        if score.metric.name == "within_strata" and score.params.get("coordinates") == "standardised"
    )
    assert (found.value, found.n) == (pytest.approx(right / scans), scans)


def test_pairs_of_sites(cohort):
    overall, *pairs = pairwise_leakage.scores(cohort, SETTINGS)
    found = {tuple(parse_key_values(score.subgroup).values()): score.value for score in pairs}
    expected = {}
    for two in itertools.combinations(np.unique(cohort.site).tolist(), 2):
        here = np.isin(cohort.site, two)
        site, subject = cohort.site[here], cohort.subject[here]
        folds = design(site, subject, 5, 0, 0).truth.pairs
        expected[two] = balanced_accuracy_score(site, ridge_predictions(standardised(cohort)[here], site, folds))
        assert found[two] == found[two[::-1]] == pytest.approx(expected[two])
    assert len(found) == 2 * len(expected)
    assert overall.value == pytest.approx(np.mean(list(expected.values())))


def test_anatomy_is_the_skill_over_predicting_the_mean(cohort):
    # R² with the training parts' means below: 1 - (1 - R² of the ridge) / (1 - R² of the mean), both of scikit-learn.
    target = cohort.other["anatomy_width"].to_numpy()
    subjects = len(np.unique(cohort.subject))
    # As many folds as subjects: there is one way to make them.
    left = {"groups": cohort.subject, "cv": GroupKFold(subjects)}
    ridge, mean = (
        r2_score(target, cross_val_predict(model, standardised(cohort), target, **left))
        for model in (RidgeCV(alphas=PENALTIES), DummyRegressor())
    )
    _, found = age_and_anatomy.scores(cohort, replace(SETTINGS, folds=subjects))
    assert found.value == pytest.approx(1 - (1 - ridge) / (1 - mean))
    assert 0.2 < ridge < found.value


@pytest.mark.parametrize("aged", [False, True])
@pytest.mark.parametrize("strata", [[0] * 8, [0, 0, 0, 0, 1, 1, 1, 1]])
def test_p_against_every_way_to_deal_the_sites(strata, aged):
    # Eight subjects of two scans, four at each site: 70 ways to deal them over all, 6 x 6 within two strata. One fold
    # a subject, so that there is one way to make the folds.
    rng = np.random.default_rng(5)
    site_of, stratum_of = np.array([0, 1] * 4), np.array(strata)
    owner = np.repeat(np.arange(8), 2)
    features = rng.normal(size=(16, 2)) + 0.8 * site_of[owner][:, None]
    age = rng.uniform(60, 80, size=8)[owner] if aged else None
    pairs = [(np.flatnonzero(owner != one), np.flatnonzero(owner == one)) for one in range(8)]

    def accuracy(of_subject):
        truth = np.array(of_subject)[owner]
        return balanced_accuracy_score(truth, ridge_predictions(features, truth, pairs, age, stratum_of[owner]))

    ways = {}
    for chosen in itertools.combinations(range(8), 4):
        dealt = tuple(int(one in chosen) for one in range(8))
        if all(sum(np.array(dealt)[stratum_of == s]) == sum(site_of[stratum_of == s]) for s in set(strata)):
            ways[dealt] = accuracy(dealt)
    assert len(ways) == (70 if len(set(strata)) == 1 else 36)
    observed = ways[tuple(site_of.tolist())]
    share = np.mean([value >= observed - 1e-12 for value in ways.values()])
    assert 0.02 < share < 0.6
    settings = EvaluationSettings(test_permutations=999, folds=8)
    found = p_value(features, site_of[owner], owner, stratum_of[owner], settings, age)
    # (1 + b) / 1000 for b of 999 draws, each of which is at least as good with the probability `share`.
    dealt = permuted_sites(site_of[owner], owner, stratum_of[owner], 999, settings.seed)
    assert found == pytest.approx((1 + sum(ways[tuple(one[::2].tolist())] >= observed - 1e-12 for one in dealt)) / 1000)
    assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 999) + 0.001)

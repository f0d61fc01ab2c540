"""Folds that keep subjects together."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from benchmark.metrics.folds import design, stratified_folds


def cohort(seed=0, subjects=60, sites=4, travelling=5):
    rng = np.random.default_rng(seed)
    site = [str(value) for value in rng.integers(sites, size=subjects)]
    subject = [f"p{index}" for index in range(subjects)]
    for index in range(travelling):
        site += [str(value) for value in range(sites)]
        subject += [f"t{index}"] * sites
    return np.array(site), np.array(subject)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("folds", [2, 5])
def test_same_balance_as_sklearn(seed, folds):
    site, subject = cohort(seed)
    codes, owner = np.unique(site, return_inverse=True)[1], np.unique(subject, return_inverse=True)[1]

    def unevenness(pairs):
        shares = np.array([np.bincount(codes[test], minlength=4) for _, test in pairs]) / np.bincount(codes)
        return shares.std(axis=0).mean()

    theirs = unevenness(StratifiedGroupKFold(folds).split(codes, codes, owner))
    assert unevenness(stratified_folds(codes, owner, folds)) <= theirs + 0.01


def test_no_subject_is_on_both_sides_and_every_scan_is_tested_once():
    site, subject = cohort()
    found = design(site, subject, 5, 3, 0)
    for labelling in (found.truth, *found.permuted):
        assert len(labelling.pairs) == 5
        for train, test in labelling.pairs:
            assert not set(subject[train]) & set(subject[test])
        assert sorted(np.concatenate([test for _, test in labelling.pairs])) == list(range(len(site)))


def test_permutations_are_of_the_classes_and_fixed_by_seed_and_index():
    site, subject = cohort()
    few, many = design(site, subject, 5, 2, 7), design(site, subject, 5, 4, 7)
    for a, b in zip(few.permuted, many.permuted, strict=False):
        assert (a.codes == b.codes).all()
        assert (np.bincount(a.codes) == np.bincount(few.truth.codes)).all()
    assert (many.permuted[0].codes != many.permuted[1].codes).any()
    assert (design(site, subject, 5, 1, 8).permuted[0].codes != few.permuted[0].codes).any()


def test_fewer_folds_for_a_site_with_few_subjects():
    site, subject = cohort(travelling=0)
    keep = (site != "0") | np.isin(np.arange(len(site)), np.flatnonzero(site == "0")[:3])
    found = design(site[keep], subject[keep], 5, 0, 0)
    assert len(found.truth.pairs) == 3


def test_no_folds_for_a_site_with_one_subject():
    site, subject = np.array(["a", "a", "a", "b", "b"]), np.array(["1", "2", "3", "4", "4"])
    found = design(site, subject, 5, 2, 0)
    assert found.truth is None
    assert found.reason == "'b' has one subject, too few to cross-validate"


@pytest.mark.parametrize(("site", "text"), [(["a", "a"], "a"), ([], "none")])
def test_no_folds_for_one_class(site, text):
    found = design(np.array(site, dtype=str), np.array(["1", "2"][: len(site)]), 5, 2, 0)
    assert found.truth is None
    assert found.reason == f"fewer than two classes: {text}"

"""Sites are dealt out over subjects, within strata, and travelling subjects swap among their own scans."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics import permutation_test
from benchmark.metrics.permutations import age_and_diagnosis_strata, dealt_evenly, permuted_sites
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

# Subjects 0 to 3 at one site each, two scans of subject 0; subject 4 at sites 0, 1 and 2.
OWNER = np.array([0, 0, 1, 2, 3, 4, 4, 4])
SITE = np.array([0, 0, 1, 0, 2, 0, 1, 2])


def test_subjects_move_as_one_and_travellers_keep_their_sites():
    dealt = permuted_sites(SITE, OWNER, np.zeros(8, int), 200, 0)
    assert (dealt[:, 0] == dealt[:, 1]).all()
    assert (np.sort(dealt[:, 5:], axis=1) == [0, 1, 2]).all()
    # Nobody else has two scans, so subject 0 keeps its site; {0, 1, 2} are dealt over the other three.
    assert (dealt[:, 0] == 0).all()
    one_site = dealt[:, [2, 3, 4]]
    assert (np.sort(one_site, axis=1) == [0, 1, 2]).all()
    # 3! ways, and as many over the traveller's scans: all come up.
    assert len(np.unique(one_site, axis=0)) == 6
    assert len(np.unique(dealt[:, 5:], axis=0)) == 6


def test_scans_of_a_travelling_subject_move_site_by_site():
    # Two scans at site 0, two at site 1, one at site 2: only the first two sites can swap, with both their scans.
    site = np.array([0, 0, 1, 1, 2])
    dealt = permuted_sites(site, np.zeros(5, int), np.zeros(5, int), 50, 0)
    assert set(map(tuple, dealt.tolist())) == {(0, 0, 1, 1, 2), (1, 1, 0, 0, 2)}


def test_sites_that_scan_more_often_are_not_given_away_by_that():
    # Three scans of each subject at one site, one at the other: a label can only come from a subject with as many.
    owner = np.concatenate([np.repeat(np.arange(4), 3), np.arange(4, 12)])
    site = np.concatenate([np.zeros(12, int), np.ones(8, int)])
    assert (permuted_sites(site, owner, np.zeros(20, int), 20, 0) == site).all()


def test_p_is_uniform_where_diagnoses_were_dealt_out(make_table):
    """Half of each site's subjects have each diagnosis, which the vectors show, and the site they do not.

    Over all subjects, permuted sites differ in diagnosis and the true ones do not, so that nearly every p was large.
    """
    rng = np.random.default_rng(0)
    settings = EvaluationSettings(test_permutations=39)
    found = []
    for _ in range(60):
        table = make_table(sites=2, subjects=18, travelling=0, train=0).drop(columns="split")
        table["diagnosis"] = np.where(np.arange(len(table)) % 2, "AD", "CN")
        vectors = rng.normal(size=(len(table), 2)) * 0.3
        vectors[:, 0] += np.where(table["diagnosis"] == "AD", 2.0, -2.0)
        table = table[[name for name in table.columns if not name.startswith("z")]]
        scans = scored_scans(table.assign(z0=vectors[:, 0], z1=vectors[:, 1]))
        assert dealt_evenly(scans)
        (score,) = [
            score
            for score in permutation_test.scores(scans, settings)
            if score.params.get("given") == "nothing" and score.params["coordinates"] == "standardised"
        ]
        assert score.params.get("within") == "diagnosis"
        found.append(score.value)
    # The mean of 60 uniform values has a standard error of 0.037.
    assert np.mean(found) == pytest.approx(0.5, abs=0.13)


def test_chance_does_not_deal_out_evenly(make_table):
    table = make_table(sites=2, subjects=18, travelling=3)
    assert dealt_evenly(scored_scans(table))
    table["diagnosis"] = np.where(np.random.default_rng(0).random(len(table)) < 0.5, "CN", "AD")
    assert not dealt_evenly(scored_scans(table))


def test_strata_do_not_mix():
    stratum = np.array([0, 0, 1, 0, 1, 0, 0, 0])
    dealt = permuted_sites(SITE, OWNER, stratum, 50, 0)
    assert (dealt[:, [0, 3]] == 0).all()
    assert (np.sort(dealt[:, [2, 4]], axis=1) == [1, 2]).all()


def test_a_permutation_depends_on_its_index_alone():
    few, many = (permuted_sites(SITE, OWNER, np.zeros(8, int), n, 3) for n in (4, 9))
    assert (many[:4] == few).all()


def test_strata_of_age_and_diagnosis(make_table):
    table = make_table()
    test = table["split"] == "test"
    table.loc[test, "age"] = np.linspace(50, 90, test.sum())
    scans = scored_scans(table)
    found = age_and_diagnosis_strata(scans, 2)
    assert set(found) == {f"{one}/{part}" for one in ("CN", "MCI", "AD") for part in (0, 1)}
    median = np.median(scans.age)
    assert all(text.endswith("/1") == (age >= median) for text, age in zip(found, scans.age, strict=True))
    assert set(age_and_diagnosis_strata(scored_scans(table.assign(age=np.nan)), 3)) == {"CN/-1", "MCI/-1", "AD/-1"}


@pytest.mark.parametrize("share", [0, 1 / 3, 2 / 3, 1])
def test_tied_ages_are_cut_into_parts_whichever_is_more_frequent(make_table, share):
    table = make_table(sites=2, travelling=0)
    table["age"] = np.where(np.arange(len(table)) % 3 < 3 * share, 75.0, 65.0)
    # One of each, where all others have the same age; both are of the first site's test subjects.
    table.loc[0, "age"], table.loc[1, "age"] = 65.0, 75.0
    scans = scored_scans(table.assign(diagnosis="CN"))
    strata = age_and_diagnosis_strata(scans, 2)
    assert set(strata[scans.age == 65.0]) == {"CN/0"}
    assert set(strata[scans.age == 75.0]) == {"CN/1"}


def test_parts_of_the_age_are_of_equal_size_and_hold_equal_ages_together(make_table):
    table = make_table(sites=2, subjects=12, travelling=0, train=0).assign(diagnosis="CN")
    scans = scored_scans(table.assign(age=np.random.default_rng(0).permutation(24)))
    assert np.unique(age_and_diagnosis_strata(scans, 4), return_counts=True)[1].tolist() == [6, 6, 6, 6]
    # Ranks 1 to 2, 3 to 22 and 23 to 24 of 24, with their middles in the first, the third and the last quarter.
    scans = scored_scans(table.assign(age=np.repeat([60.0, 70.0, 80.0], [2, 20, 2])))
    strata = age_and_diagnosis_strata(scans, 4)
    assert dict(zip(scans.age, strata, strict=True)) == {60.0: "CN/0", 70.0: "CN/2", 80.0: "CN/3"}

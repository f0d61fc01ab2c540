"""Sites are dealt out over subjects, within strata, and travelling subjects swap among their own scans."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.permutations import age_and_diagnosis_strata, permuted_sites
from benchmark.metrics.scans import scored_scans

# Subjects 0 to 3 at one site each, two scans of subject 0; subject 4 at sites 0, 1 and 2.
OWNER = np.array([0, 0, 1, 2, 3, 4, 4, 4])
SITE = np.array([0, 0, 1, 0, 2, 0, 1, 2])


def test_subjects_move_as_one_and_travellers_keep_their_sites():
    dealt = permuted_sites(SITE, OWNER, np.zeros(8, int), 200, 0)
    assert (dealt[:, 0] == dealt[:, 1]).all()
    assert (np.sort(dealt[:, 5:], axis=1) == [0, 1, 2]).all()
    one_site = dealt[:, [0, 2, 3, 4]]
    assert (np.sort(one_site, axis=1) == [0, 0, 1, 2]).all()
    # 4! / 2! = 12 ways to deal {0, 0, 1, 2} over four subjects, 3! over the traveller's scans: all come up.
    assert len(np.unique(one_site, axis=0)) == 12
    assert len(np.unique(dealt[:, 5:], axis=0)) == 6


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

from __future__ import annotations

import pandas as pd
import pytest

from benchmark.data.splits import assign_splits, check_no_overlap, split_digest
from benchmark.errors import UserError


def table(*rows):
    """Scans from (subject, site, diagnosis, split, order of the manifest)."""
    scans = pd.DataFrame(rows, columns=["subject_id", "site", "diagnosis", "split", "manifest_order"])
    scans["scan_key"] = (
        scans["site"] + "/" + scans["subject_id"] + "/" + scans.groupby("subject_id").cumcount().astype(str)
    )
    return scans.sort_values("scan_key", ignore_index=True)


def site(name, order, subjects=40, diagnoses=("CN", "AD")):
    return [(f"{name}{n:03}", name, diagnoses[n % len(diagnoses)], "", order) for n in range(subjects)]


def by_subject(scans, **settings):
    return dict(zip(scans["subject_id"], assign_splits(scans, **settings), strict=True))


def test_fractions_hold_in_every_site_and_diagnosis():
    scans = table(*site("A", 0, 80), *site("B", 1, 40))
    scans["split"] = assign_splits(scans, seed=1, val_fraction=0.1, test_fraction=0.25)
    counts = scans.groupby(["site", "diagnosis"])["split"].value_counts().unstack().to_dict("index")
    assert counts["A", "CN"] == counts["A", "AD"] == {"train": 26, "val": 4, "test": 10}
    assert counts["B", "CN"] == counts["B", "AD"] == {"train": 13, "val": 2, "test": 5}


def test_small_strata_keep_the_fraction_on_average():
    # One subject each: rounding every stratum would put all 400 into training.
    scans = table(*[row for n in range(400) for row in site(f"S{n}", n, 1)])
    share = (assign_splits(scans, seed=1, test_fraction=0.25) == "test").mean()
    assert 0.19 < share < 0.31  # 0.25 ± 2.8 standard errors of 0.0217


def test_a_site_added_at_the_end_moves_nobody():
    shared = [("A000", "C", "AD", "", 2), ("B001", "C", "AD", "", 2)]
    before = by_subject(table(*site("A", 0), *site("B", 1)), seed=3)
    after = by_subject(table(*site("A", 0), *site("B", 1), *site("C", 2), *shared), seed=3)
    assert {subject: after[subject] for subject in before} == before


def test_home_is_the_first_site_in_the_order_of_the_manifests():
    # Z comes first: its stratum, not that of A, decides on the subjects that are in both.
    both = [(subject, "A", diagnosis, "", 1) for subject, _, diagnosis, _, _ in site("Z", 0)]
    assert by_subject(table(*site("Z", 0), *both), seed=3) == by_subject(table(*site("Z", 0)), seed=3)


def test_all_scans_of_a_subject_are_in_one_split_whatever_the_order_of_rows():
    scans = table(*site("A", 0), *site("A", 0), *[(f"A{n:03}", "B", "AD", "", 1) for n in range(40)])
    splits = by_subject(scans, seed=5)
    scans["split"] = assign_splits(scans, seed=5)
    check_no_overlap(scans)
    assert by_subject(scans.assign(split="").sample(frac=1, random_state=0), seed=5) == splits


def test_another_seed_gives_another_split():
    scans = table(*site("A", 0))
    assert by_subject(scans, seed=1) != by_subject(scans, seed=2)
    assert by_subject(scans, seed=1) == by_subject(scans, seed=1)


def test_the_manifest_wins_and_holds_for_all_scans_of_the_subject():
    stated = [("A000", "A", "CN", "test", 0), ("A000", "B", "CN", "", 1), ("A001", "A", "AD", "train", 0)]
    for seed in range(5):
        splits = by_subject(table(*stated, *site("A", 0)[2:]), seed=seed)
        assert (splits["A000"], splits["A001"]) == ("test", "train")


def test_stated_subjects_do_not_count_towards_the_fractions():
    stated = [(f"T{n}", "A", "CN", "train", 0) for n in range(30)]
    scans = table(*stated, *site("A", 0, 20, ("CN",)))
    splits = assign_splits(scans, seed=1, test_fraction=0.25)
    assert (splits == "test").sum() == 5


def test_no_fraction_means_training_alone():
    scans = table(*site("A", 0))
    assert set(assign_splits(scans, seed=1, test_fraction=0.0)) == {"train"}


@pytest.mark.parametrize(
    ("val", "test", "message"),
    [
        (0.0, 1.0, r"data.test_fraction: 1.0 is not allowed; it must be a number in \[0, 1\)"),
        (-0.1, 0.2, "data.val_fraction: -0.1 is not allowed"),
        (0.0, float("nan"), "data.test_fraction: nan is not allowed"),
        (0.5, 0.5, "leave nothing for training; together they must be below 1"),
    ],
)
def test_fractions_out_of_range(val, test, message):
    with pytest.raises(UserError, match=message):
        assign_splits(table(*site("A", 0)), 1, val, test)


def test_overlap_lists_subjects_and_splits():
    scans = table(
        ("s1", "A", "CN", "train", 0),
        ("s1", "B", "CN", "test", 1),
        ("s2", "A", "CN", "train", 0),
        ("s3", "A", "CN", "val", 0),
        ("s3", "A", "CN", "train", 0),
    )
    expected = "split overlap: 2 subjects are in more than one split: 's1' in test and train; 's3' in train and val"
    with pytest.raises(UserError) as caught:
        check_no_overlap(scans)
    assert str(caught.value) == expected
    with pytest.raises(UserError, match="split overlap"):
        assign_splits(scans, seed=1)


def test_a_long_overlap_is_counted():
    scans = table(*[(f"s{n:02}", "A", "CN", split, 0) for n in range(60) for split in ("train", "test")])
    with pytest.raises(UserError, match="60 subjects are .*'s49' in test and train; and 10 more$"):
        check_no_overlap(scans)


def test_digest_depends_on_splits_and_not_on_order():
    scans = table(*site("A", 0))
    scans["split"] = assign_splits(scans, seed=1)
    digest = split_digest(scans)
    assert split_digest(scans[::-1]) == digest
    scans.loc[0, "split"] = "val"
    assert split_digest(scans) != digest

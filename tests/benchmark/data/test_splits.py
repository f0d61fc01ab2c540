import pandas as pd
import pytest

from benchmark.data.splits import assign_splits, check_no_overlap, split_digest
from benchmark.errors import UserError


def site(name, subjects, order=0, diagnosis=("CN", "AD"), sessions=1):
    return pd.DataFrame(
        [
            {
                "scan_key": f"{name}/{subject}/{session}", "subject_id": subject, "site": name,
                "diagnosis": diagnosis[i % len(diagnosis)], "split": "", "manifest_order": order,
            }
            for i, subject in enumerate(subjects)
            for session in range(sessions)
        ]
    )  # fmt: skip


def names(prefix, count):
    return [f"{prefix}{i}" for i in range(count)]


def test_fractions_hold_in_every_site_and_diagnosis():
    scans = pd.concat([site("A", names("a", 40)), site("B", names("b", 20), 1)], ignore_index=True)
    scans["split"] = assign_splits(scans, seed=1, val_fraction=0.1, test_fraction=0.3)
    counts = scans.groupby(["site", "diagnosis", "split"]).size()
    assert counts["A", "CN"].to_dict() == {"test": 6, "train": 12, "val": 2}
    assert counts["B", "AD"].to_dict() == {"test": 3, "train": 6, "val": 1}


def test_adding_a_site_moves_nobody_even_if_it_shares_subjects():
    before = site("B", names("b", 30))
    after = pd.concat([before, site("A", [*names("a", 9), "b3", "b4"], 1)], ignore_index=True)
    old = dict(zip(before["subject_id"], assign_splits(before, 1), strict=True))
    new = dict(zip(after["subject_id"], assign_splits(after, 1), strict=True))
    assert {subject: new[subject] for subject in old} == old


def test_all_scans_of_a_subject_share_its_split_and_seeds_differ():
    scans = site("A", names("a", 30), sessions=3)
    split = assign_splits(scans, 1)
    assert split.groupby(scans["subject_id"]).nunique().max() == 1
    assert not split.equals(assign_splits(scans, 2))


def test_a_stated_split_wins_for_all_scans_of_the_subject():
    scans = site("A", names("a", 10), sessions=2)
    scans.loc[scans["scan_key"] == "A/a0/1", "split"] = "val"
    assert set(assign_splits(scans, 1)[scans["subject_id"] == "a0"]) == {"val"}


def test_overlap_lists_the_subjects():
    scans = site("A", ["a", "b"], sessions=2).assign(split=["train", "test", "train", "train"])
    with pytest.raises(UserError, match="split overlap: 1 subjects are in two splits: 'a' in test and train"):
        check_no_overlap(scans)
    check_no_overlap(scans[scans["subject_id"] == "b"])


@pytest.mark.parametrize(("val", "test"), [(-0.1, 0.2), (0.5, 0.5)])
def test_impossible_fractions_are_named(val, test):
    with pytest.raises(UserError, match=f"data.val_fraction {val} and data.test_fraction {test} are not allowed"):
        assign_splits(site("A", ["a"]), 1, val, test)


def test_the_digest_sees_the_split_and_not_the_order():
    scans = site("A", ["a", "b"]).assign(split=["train", "test"])
    assert split_digest(scans) == split_digest(scans[::-1])
    assert split_digest(scans) != split_digest(scans.assign(split="train"))

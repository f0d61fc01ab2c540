"""Rows from manifests: what is filled in, by what scans are matched, what contradicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.read import read_foreign

KEY = ["subject_id", "session_id", "site"]


@pytest.fixture
def keyed(table, tmp_path):
    """Write vectors with some of the key columns, in another order of rows than the manifests'."""

    def write(*names, **changes):
        path = tmp_path / "keyed.csv"
        order = np.random.default_rng(2).permutation(len(table))
        vectors = [f"z{i}" for i in range(5)]
        table[[*names, *vectors]].assign(**changes).iloc[order].to_csv(path, index=False)
        return path

    return write


def test_what_is_inline_and_what_is_in_manifests_gets_the_same_scores(table, keyed, manifests, tmp_path, scores_of):
    table.drop(columns="tesla").to_csv(tmp_path / "inline.csv", index=False)
    found = scores_of(keyed(*KEY), "--manifest", *manifests)
    pd.testing.assert_frame_equal(found, scores_of(tmp_path / "inline.csv"))
    assert "keyed: 1 of the 25 scans in the manifests have no embedding." in (
        tmp_path / "out-0" / "retrieval.md"
    ).read_text(encoding="utf-8")


def test_without_sites_subject_and_session_must_name_one_scan(table, keyed, manifests, tmp_path, evaluate):
    options = ForeignOptions(manifests=tuple(manifests))
    path = keyed("subject_id", "session_id")
    status, error = evaluate("--embeddings", path, "--out", tmp_path / "out", "--manifest", *manifests)
    assert status == 2
    assert error.count("\n") == 1
    assert "'travels/1' (subject_id/session_id) names 3 scans of the manifests; add the column site" in error
    # Only the traveller is ambiguous.
    kept = pd.read_csv(path, dtype=str).query("subject_id != 'travels'")
    kept.to_csv(path, index=False)
    frame = read_foreign(path, options).frame.set_index("subject_id").sort_index()
    expected = table.query("subject_id != 'travels'").set_index("subject_id").sort_index()
    for name in ("site", "diagnosis", "age", "sex", "session_id", "z3"):
        np.testing.assert_allclose(frame[name], expected[name], rtol=1e-6) if name in ("age", "z3") else None
        assert name in ("age", "z3") or frame[name].tolist() == expected[name].tolist()
    # By subject alone the session comes from the manifests too.
    kept.drop(columns="session_id").to_csv(path, index=False)
    pd.testing.assert_frame_equal(read_foreign(path, options).frame.set_index("subject_id").sort_index(), frame)


def test_other_names_of_the_key_columns(keyed, table, manifests):
    path = keyed("site", patient=table["subject_id"], visit=table["session_id"])
    options = ForeignOptions(manifests=tuple(manifests), subject="patient", session="visit")
    frame = read_foreign(path, options).frame
    assert set(frame["subject_id"]) == set(table["subject_id"])
    assert frame["patient"].tolist() == frame["subject_id"].tolist()


def test_a_column_of_the_manifests_as_site_and_another_as_label(keyed, manifests, table):
    options = ForeignOptions(manifests=tuple(manifests), label="field_strength", session="site")
    frame = read_foreign(keyed(*KEY), options).frame
    assert frame["diagnosis"].tolist() == ["1.5" if site == "site0" else "3" for site in frame["site"]]
    options = ForeignOptions(manifests=tuple(manifests), site="field_strength", session="site")
    assert set(read_foreign(keyed(*KEY), options).frame["site"]) == {"1.5", "3"}


def test_scans_that_are_in_no_manifest_are_listed_up_to_ten(keyed, table, manifests, tmp_path, evaluate):
    names = [f"new{i}" if i < 12 else name for i, name in enumerate(table["subject_id"])]
    path = keyed("site", "session_id", subject_id=names)
    status, error = evaluate("--embeddings", path, "--out", tmp_path / "out", "--manifest", *manifests)
    assert status == 2
    assert error.startswith(f"error: {path}: 12 of 24 scans (site/subject_id/session_id) are in no manifest: 'site")
    assert error.count("/new") == 10
    assert error.endswith(", ...\n")


def test_what_contradicts_the_manifests_is_named(keyed, table, manifests, tmp_path, evaluate):
    path = keyed(*KEY, diagnosis=["PD", *table["diagnosis"][1:]])
    row = pd.read_csv(path)["diagnosis"].tolist().index("PD") + 1
    status, error = evaluate("--embeddings", path, "--out", tmp_path / "out", "--manifest", *manifests)
    assert (status, error) == (
        2,
        f"error: {path}: row {row}, column 'diagnosis': 'PD' is not allowed; the manifests say 'CN'\n",
    )


def test_where_the_manifests_are_silent_the_file_speaks(keyed, table, manifests):
    known = pd.read_csv(manifests[0], dtype=str)
    known.loc[1, ["age", "sex", "diagnosis"]] = ""
    known.to_csv(manifests[0], index=False)
    path = keyed(*KEY, age=table["age"] + 1, sex=table["sex"], diagnosis=table["diagnosis"])
    frame = read_foreign(path, ForeignOptions(manifests=tuple(manifests))).frame.set_index(["site", "subject_id"])
    expected = table.set_index(["site", "subject_id"])
    silent = (known.loc[1, "site"], known.loc[1, "subject_id"])
    for place in expected.index:
        assert frame.at[place, "age"] == expected.at[place, "age"] + (1 if place == silent else 0)
        assert frame.at[place, "diagnosis"] == expected.at[place, "diagnosis"]
        assert frame.at[place, "sex"] == expected.at[place, "sex"]


def test_the_split_comes_from_the_manifests(keyed, table, manifests):
    assert "split" not in read_foreign(keyed(*KEY), ForeignOptions(manifests=tuple(manifests))).frame
    for path in manifests:
        known = pd.read_csv(path, dtype=str)
        known["split"] = np.where(known["subject_id"].str.endswith("1"), "train", "test")
        known.to_csv(path, index=False)
    frame = read_foreign(keyed(*KEY), ForeignOptions(manifests=tuple(manifests))).frame
    assert set(frame.loc[frame["split"] == "train", "subject_id"]) == {"s01", "s11", "s21"}
    assert (frame["split"] == "test").sum() == 21


def test_a_bad_manifest_is_answered_with_its_own_lines(keyed, manifests, tmp_path, evaluate):
    text = manifests[0].read_text()
    manifests[0].write_text(text.replace(",CN,", ",Dementia,", 1))
    status, error = evaluate("--embeddings", keyed(*KEY), "--out", tmp_path / "out", "--manifest", *manifests)
    assert status == 2
    assert error.startswith(f"error: {manifests[0]}:2: column 'diagnosis': 'Dementia' is not allowed")
    assert error.count("\n") == 1

"""All files of `seada-bench tables`, and what they never overwrite."""

from __future__ import annotations

import hashlib
import json

import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.report.about import ABOUT, About
from benchmark.report.tables import write_tables
from benchmark.report.write_all import write_all
from benchmark.results.write import write_provenance, write_scores

pytestmark = pytest.mark.slow

#: Beside the wide tables, each as .md, .csv and .tex.
OTHERS = {"report.html", "retrieval_by_site.csv", "tables.json"}


@pytest.fixture
def results(scores, tmp_path):
    folder = tmp_path / "results"
    write_scores(scores, folder)
    about = About(methods=["b", "a"], notes=["Model selection: none.", "b: transductive"])
    write_tables(scores, folder, about)
    write_provenance({"cells": 7, ABOUT: about.to_json()}, folder)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_and_equal_bytes(results, scores, tmp_path):
    written = write_all(results, tmp_path / "one")
    names = [path.name for path in written]
    assert names == sorted(contents(tmp_path / "one"))
    wide = {name.removesuffix(".md") for name in names if name.endswith(".md")}
    assert {"retrieval", "leakage"} <= wide
    assert set(names) == OTHERS | {f"{name}.{kind}" for name in wide for kind in ("md", "csv", "tex")}
    write_scores(scores.sample(frac=1, random_state=0), results)
    write_all(results, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_order_and_notes_of_the_sweep_are_kept(results, tmp_path):
    write_all(results, tmp_path / "out")
    for name in sorted(path.name for path in results.iterdir() if not path.name.startswith(("scores", "provenance"))):
        assert (tmp_path / "out" / name).read_bytes() == (results / name).read_bytes()
    assert "b: transductive" in (tmp_path / "out" / "retrieval.tex").read_text()


def test_csv_gives_the_same_as_parquet(results, tmp_path):
    write_all(results, tmp_path / "parquet")
    (results / "scores.parquet").unlink()
    write_all(results, tmp_path / "csv")
    assert contents(tmp_path / "parquet") == contents(tmp_path / "csv")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("value", "high", "row 1, column 'value': 'high'"),
        ("seed", "1.5", "row 1, column 'seed': '1.5' is not allowed; it must be a whole number"),
        ("seed", "", "column 'seed': ''"),
        ("higher_is_better", "maybe", "'maybe' is not allowed; allowed: True, False, empty"),
    ],
)
def test_bad_csv(results, tmp_path, column, value, message):
    (results / "scores.parquet").unlink()
    table = pd.read_csv(results / "scores.csv", dtype=str, keep_default_na=False)
    table.loc[0, column] = value
    table.to_csv(results / "scores.csv", index=False)
    with pytest.raises(UserError, match=message):
        write_all(results, tmp_path / "out")
    table.drop(columns=column).to_csv(results / "scores.csv", index=False)
    with pytest.raises(UserError, match=f"column '{column}' is missing"):
        write_all(results, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_scores(tmp_path):
    with pytest.raises(UserError, match="holds no scores"):
        write_all(tmp_path, tmp_path / "out")


def test_one_score_twice(results, scores, tmp_path):
    write_scores(pd.concat([scores, scores.iloc[:1]]), results)
    with pytest.raises(UserError, match="one score twice: method 'a', protocol 'pooled'"):
        write_all(results, tmp_path / "out")


def test_own_files_are_replaced(results, scores, tmp_path):
    write_all(results, tmp_path / "out")
    before = contents(tmp_path / "out")
    write_scores(scores.assign(value=scores["value"] / 2), results)
    write_all(results, tmp_path / "out")
    after = contents(tmp_path / "out")
    assert before["report.html"] != after["report.html"]
    assert before["retrieval.tex"] != after["retrieval.tex"]
    write_all(results, tmp_path / "fresh")
    assert after == contents(tmp_path / "fresh")


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_files_of_the_user_stay(results, tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine")
    with pytest.raises(UserError, match=name.replace(".", r"\.")):
        write_all(results, out)
    assert contents(out) == {name: b"mine"}
    write_all(results, out, overwrite=True)
    assert (out / name).read_bytes() != b"mine"


def test_own_files_that_were_changed_stay(results, scores, tmp_path):
    out = tmp_path / "out"
    write_all(results, out)
    edited = out / "retrieval.tex"
    edited.write_text(edited.read_text().replace("Retrieval", "My caption"))
    before = contents(out)
    with pytest.raises(UserError, match=r"retrieval\.tex: .* was changed since"):
        write_all(results, out)
    assert contents(out) == before


def test_a_folder_in_the_way(results, tmp_path):
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    with pytest.raises(UserError, match=r"report\.html"):
        write_all(results, tmp_path / "out")


def test_into_the_results_folder(results, tmp_path):
    # The sweep's tables have the same content, so nothing is lost; older ones would be named.
    write_all(results, results)
    assert set(contents(results)) >= OTHERS
    (results / "tables.json").unlink()
    (results / "leakage.md").write_text("older")
    with pytest.raises(UserError, match=r"leakage\.md"):
        write_all(results, results)


def test_record_names_the_digests(results, tmp_path):
    write_all(results, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "tables.json").read_text())
    assert record["written_by"] == "seada-bench tables"
    there = contents(tmp_path / "out")
    del there["tables.json"]
    assert record["sha256"] == {name: hashlib.sha256(content).hexdigest() for name, content in there.items()}


def test_scores_without_rows(results, scores, tmp_path):
    scores.iloc[:0].to_parquet(results / "scores.parquet")
    with pytest.raises(UserError, match="hold no row"):
        write_all(results, tmp_path / "out")

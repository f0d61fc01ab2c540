"""What readers are told beside the scores."""

from __future__ import annotations

import json
import math

import pytest

from benchmark.errors import UserError
from benchmark.methods.card import MethodCard
from benchmark.metrics.settings import EvaluationSettings
from benchmark.report.about import ABOUT, About, Seconds
from benchmark.report.evaluate import evaluate
from benchmark.report.tables import format_terminal, write_tables
from benchmark.report.write_all import write_all
from benchmark.results.read import read_results
from benchmark.results.write import write_scores

SETTINGS = EvaluationSettings(
    probes=("linear",), permutations=0, mlp_permutations=0, inner_folds=0, test_permutations=0, bootstrap=0
)

ABOUT_A_AND_B = About(
    synthetic=True,
    cards={
        "a": MethodCard(
            tried_settings=44,
            chosen_on="test scores of phantoms",
            augmentations_imitate=["contrast", "noise"],
            additions="views",
        ),
        "b": MethodCard(needs_site_at_test=True, uses=["site", "age"]),
        "c": MethodCard(role="floor"),
    },
    seconds={"pooled": {"a": Seconds(31.4, 6.0), "b": Seconds(math.nan, 5.0)}},
    machine="2 cores",
    notes=("Model selection: none.",),
    shared_subjects={"pooled": 0.25},
)


def test_it_comes_back_from_the_provenance():
    stored = json.loads(json.dumps({ABOUT: ABOUT_A_AND_B.to_json()}))
    found = About.of(stored)
    assert found.to_json() == ABOUT_A_AND_B.to_json()
    assert found.cards == ABOUT_A_AND_B.cards
    assert math.isnan(found.seconds["pooled"]["b"].training)
    assert About.of({"cells": 7}) == About()


@pytest.mark.parametrize("given", ["x", {"pooled": "0.5"}, {"pooled": 1.5}])
def test_shares_of_anybodys_folder_are_checked(given):
    with pytest.raises(UserError, match=r"about.shared_subjects: '.*' is not allowed; it must be in \[0, 1\]"):
        About.of({ABOUT: {"shared_subjects": given}})


def test_lines_of_the_footer():
    synthetic, settings, augmentations, additions, labels, site, seconds = ABOUT_A_AND_B.lines(["b", "a", "c"])
    assert synthetic.startswith("Synthetic data: scans of a phantom, not of people.")
    assert "at least: a 44, chosen on test scores of phantoms; none for b. Choosing by test scores" in settings
    assert augmentations.startswith("Augmentations of a imitate these families of scanner effects: contrast, noise.")
    assert additions == "Additions that are not in the method's paper. a: views."
    assert labels.endswith("by those methods alone that are named. site, age: b.")
    assert site == "The site of a scan must be known to embed it by: b; by no other method."
    assert seconds.startswith("train s: mean seconds of training and embedding in a run (2 cores)")
    assert About().lines(["a"]) == []
    assert ABOUT_A_AND_B.bounds == {"c": "floor"}


def test_a_method_that_sees_diagnoses_does_not_compete_and_comes_last():
    cards = {"a": MethodCard(uses=["site", "diagnosis"]), "b": MethodCard(), "c": MethodCard(role="floor")}
    about = About(cards=cards, methods=["a", "b", "c"])
    assert about.bounds == {"c": "floor", "a": "sees diagnoses"}
    assert about.candidates == ["b"]
    assert about.order(["a", "z"]) == ["b", "c", "z", "a"]
    _, labels, seeing = about.lines(["b", "c", "a"])
    assert labels.endswith("site, diagnosis: a.")
    assert seeing.startswith("Trained with the diagnoses of training subjects: a. Other rows see none")


@pytest.fixture
def written(scores, tmp_path):
    """A results folder as a sweep leaves it, and what `tables` makes of it."""
    folder = tmp_path / "results"
    write_scores(scores, folder)
    write_tables(scores, folder, ABOUT_A_AND_B)
    (folder / "provenance.json").write_text(json.dumps({ABOUT: ABOUT_A_AND_B.to_json()}))
    write_all(folder, tmp_path / "all")
    return tmp_path / "all"


def test_every_view_calls_synthetic_data_synthetic(scores, written):
    for name in ("retrieval", "leakage", "preserved"):
        text = (written / f"{name}.md").read_text()
        assert text.split("\n", 1)[0].endswith(" (synthetic data)")
        assert "- Synthetic data: scans of a phantom" in text
        assert "(synthetic data)" in (written / f"{name}.tex").read_text()
    page = (written / "report.html").read_text()
    assert "on synthetic data</title>" in page
    assert "of synthetic brain MRI?</h1>" in page
    titles = [line for line in format_terminal(scores, ABOUT_A_AND_B).split("\n") if "Pooled: " in line]
    assert len(titles) == 2
    assert all("(synthetic data)" in title for title in titles)


def test_real_data_are_not_called_synthetic(scores, tmp_path):
    write_scores(scores, tmp_path)
    write_tables(scores, tmp_path, About())
    write_all(tmp_path, tmp_path / "all")
    for path in (tmp_path / "all").iterdir():
        assert "ynthetic" not in path.read_text()


def test_seconds_stand_beside_the_scores_where_they_are_known(written):
    pooled, held_out = (written / "retrieval.md").read_text().split("## ")[1:]
    assert "| seeds | train s |" in pooled
    assert any(line.startswith("| a | 0.700") and line.endswith("| 2 | 31 |") for line in pooled.split("\n"))
    assert any(line.startswith("| b | ") and line.endswith("| 2 | – |") for line in pooled.split("\n"))
    assert "train s |" not in held_out
    assert "train_seconds" in (written / "retrieval.csv").read_text().split("\n", 1)[0]
    assert "31 \\\\" in (written / "retrieval.tex").read_text()


def test_notes_are_taken_from_the_provenance_and_stand_once(written):
    text = (written / "retrieval.md").read_text()
    assert text.count("Model selection: none.") == text.count("Settings tried") == 1


def test_scored_files_record_whether_they_are_synthetic(tmp_path):
    rows = ["subject_id,session_id,site,diagnosis,age,sex,z0,z1"]
    rows += [f"s{i},1,{'AB'[i % 2]},{('CN', 'AD')[i % 3 % 2]},70,F,{i % 5},{i % 7}" for i in range(24)]
    for name, text in (("real", rows), ("made", [row.replace(",A,", ",phantom-A,") for row in rows])):
        (tmp_path / f"{name}.csv").write_text("\n".join(text))
        evaluate(tmp_path / f"{name}.csv", settings=SETTINGS).save(tmp_path / name)
        assert About.of(read_results(tmp_path / name).provenance).synthetic is (name == "made")
        title = (tmp_path / name / "leakage.md").read_text().split("\n", 1)[0]
        assert title == ("# Leakage (synthetic data)" if name == "made" else "# Leakage")

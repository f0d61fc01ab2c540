"""The rule by which settings are chosen, by hand, and one choice from phantom to table."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import yaml

pytestmark = pytest.mark.needs("train")
choose_settings = pytest.importorskip("benchmarks.choose_settings")


def measured(*rows):
    return pd.DataFrame(rows, columns=["method", "trial", "seed", *choose_settings.TERMS])


def test_shipped_trials_are_as_many_for_every_method():
    assert {len(settings) for settings in choose_settings.read_trials(choose_settings.TRIALS).values()} == {8}


def test_methods_with_unequal_numbers_of_trials_are_refused(tmp_path):
    (tmp_path / "trials.yaml").write_text("a: [{x: 1}, {x: 2}]\nb: [{x: 1}]\n", encoding="utf-8")
    with pytest.raises(choose_settings.UserError, match=r"same number of trials, not {'a': 2, 'b': 1}"):
        choose_settings.read_trials(tmp_path / "trials.yaml")


def test_a_file_of_trials_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(choose_settings.UserError, match=r"none.yaml: cannot be read: No such file"):
        choose_settings.read_trials(tmp_path / "none.yaml")


def test_overrides_keep_the_other_nested_settings():
    settings = {"weight": 0.0, "blocks": {"components": 256, "erase": "site"}}
    found = choose_settings.with_overrides(settings, {"blocks": {"components": 128}, "rate": {"low": 1}})
    assert found == {"weight": 0.0, "blocks": {"components": 128, "erase": "site"}, "rate": {"low": 1}}
    assert settings["blocks"]["components"] == 256


def test_neither_test_subjects_nor_diagnoses_are_left():
    manifest = pd.DataFrame({"subject_id": ["a", "b"], "diagnosis": ["AD", "CN"], "split": ["train", "test"]})
    assert choose_settings.training_rows(manifest).to_dict("list") == {"subject_id": ["a"], "diagnosis": [""]}


def test_own_views_are_counted_around_the_centre():
    centre = np.array([5.0, 5.0])
    ldr = centre + np.array([[1, 0], [0, 1], [-1, 0]])
    # The first two have each other's views, the third its own.
    of_views = centre + np.array([[0.1, 2], [3, 0.1], [-1, 0.1]])
    assert choose_settings.view_match(ldr, of_views, centre) == pytest.approx(1 / 3)
    assert choose_settings.view_match(ldr, ldr, centre) == 1


def test_ranks_are_means_over_terms_and_seeds_with_shared_ties():
    table = measured(
        ("a", 1, 1, 0.9, 0.3, 0.5), ("a", 2, 1, 0.8, 0.2, 0.5), ("a", 3, 1, 0.7, np.nan, 0.9),
        ("a", 1, 2, 0.9, 0.1, 0.9), ("a", 2, 2, 0.8, 0.2, 0.8), ("a", 3, 2, 0.7, 0.3, 0.7),
        ("b", 1, 1, 0.1, 0.9, 0.1), ("b", 2, 1, 0.1, 0.9, 0.1),
    )  # fmt: skip
    ranks = choose_settings.mean_ranks(table)
    # a, seed 1: SSIM 1, 2, 3; probe 2, 1, 3 (undefined); own view 2.5, 2.5, 1. Seed 2: 1, 2, 3 in each.
    expected = {("a", 1): 8.5 / 6, ("a", 2): 11.5 / 6, ("a", 3): 16 / 6, ("b", 1): 1.5, ("b", 2): 1.5}
    assert ranks.to_dict() == pytest.approx(expected)
    assert choose_settings.chosen(ranks) == [("a", 1), ("b", 1)]


@pytest.mark.slow
def test_trials_become_a_table_with_the_chosen_ones_and_are_trained_once(tmp_path, capsys):
    tried = {
        "autoencoder": [{"learning_rate": 1e-3}, {"learning_rate": 4e-3}],
        "combat": [{"base": {"init_args": {"learning_rate": rate}}} for rate in (1e-3, 4e-3)],
    }
    trials = tmp_path / "trials.yaml"
    trials.write_text(yaml.safe_dump(tried), encoding="utf-8")
    small = {"seeds": (101,), "scans": 160, "spacing": 10.0, "shape": (16, 24, 16), "epochs": 1, "workers": 1}
    choose_settings.main(tmp_path / "out", trials, **small)
    text = (tmp_path / "out" / "result.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out == text
    phantom = pd.concat(map(pd.read_csv, tmp_path.glob("out/phantom-101/*.csv")))
    for path in tmp_path.glob("out/sweep/runs/*/embeddings.parquet"):
        embedded = pd.read_parquet(path)
        assert (embedded["diagnosis"] == "").all()
        assert 0 < (embedded["split"] == "test").mean() < 0.4
        assert set(embedded["subject_id"]) == set(phantom.loc[phantom["split"] == "train", "subject_id"])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    assert [row[0] for row in rows] == ["autoencoder", "autoencoder", "combat", "combat"]
    # ComBat's reconstruction is its base's, its site probe is not.
    assert [row[2] for row in rows[:2]] == [row[2] for row in rows[2:]]
    assert [row[3] for row in rows[:2]] != [row[3] for row in rows[2:]]
    assert [len(re.findall(r"\*\*\d\.\d\d\*\*", "".join(row))) for row in rows].count(1) == 2
    made = [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("out/sweep/runs/*/model.ckpt"))]
    choose_settings.main(tmp_path / "out", trials, **small)
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("out/sweep/runs/*/model.ckpt"))] == made
    assert (tmp_path / "out" / "result.md").read_text(encoding="utf-8") == text

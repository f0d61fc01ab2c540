"""Embeddings that become rows of a task, and stand beside others."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from benchmark.report.pairing import paired_values
from benchmark.results.read import read_results
from benchmark.results.write import write_provenance
from benchmark.tasks.submit import checked_runs
from benchmark.tasks.task import read_task
from tests.benchmark.tasks.conftest import tables


@pytest.fixture(scope="module")
def submitted(task, tmp_path_factory, inside):
    """Results folders of two submissions of the task: random vectors, and these with a diagnosis in them."""
    folder = tmp_path_factory.mktemp("submitted")
    made = {}
    for name, shift in (("noise", 0.0), ("oracle", 8.0)):
        (folder / name).mkdir()
        for stem, table in tables(task).items():
            # The test labels, which a submission has no business to know: it must win.
            labels = pd.concat(map(pd.read_csv, sorted(_manifests(task, stem, folder)))).set_index(
                ["subject_id", "session_id", "site"]
            )
            ill = (
                labels.loc[pd.MultiIndex.from_frame(table[["subject_id", "session_id", "site"]]), "diagnosis"] == "AD"
            ).to_numpy()
            table.assign(z0=table["z0"] + shift * ill).to_csv(folder / name / f"{stem}.csv", index=False)
        card = folder / f"{name}.yaml"
        card.write_text(
            f"name: {name}\ninputs: T1\nreference: none\nuses: []\nneeds_site_at_test: false\ntransductive: true\n"
            "other_data: none\ntried_settings: 2\nchosen_on: dice\n"
        )
        inside("submit", folder / name, "--task", task, "--card", card, "--out", folder / f"{name}-results")
        made[name] = folder / f"{name}-results"
    return made


def _manifests(task, stem, folder):
    from benchmark.prepare.phantom.generate import write_manifests

    seed = int(stem.rpartition("_")[2])
    out = folder / f"manifests-{seed}"
    return list(out.glob("*.csv")) or write_manifests(read_task(task).phantom(seed), out)


def test_rows_are_those_of_the_task_and_say_where_they_come_from(submitted, task):
    results = read_results(submitted["noise"])
    runs = results.scores[["protocol", "held_out_site", "seed"]].drop_duplicates()
    assert len(runs) == 4
    leakage = results.scores[(results.scores["table"] == "leakage") & (results.scores["metric"] == "balanced_accuracy")]
    assert set(leakage["probe"]) == {"knn"}
    told = results.provenance["submitted"]["noise"]
    assert told["task_digest"] == read_task(task).digest
    assert len(told["embeddings_sha256"]) == len(results.provenance["run_keys"]) == 4
    assert told["card"]["chosen_on"] == "dice"
    note = " ".join(results.provenance["about"]["notes"])
    assert "noise: submitted embeddings, which this suite did not make" in note
    assert "transductive" in note
    assert results.provenance["about"]["synthetic"]
    assert str(task) not in json.dumps(results.provenance)


def test_the_scans_of_a_held_out_site_are_unseen(task, files):
    task = read_task(task)
    run = next(run for run in task.runs if run.held_out_site == "phantom-ADNI2")
    (checked,) = checked_runs(task, {run: files / f"{run.stem}.csv"})
    splits = checked.table.groupby("site")["split"].unique().map(sorted)
    assert splits.to_dict() == {"phantom-ADNI1": ["test", "train"], "phantom-ADNI2": ["test", "unseen"]}


def test_a_failed_scan_counts_as_the_mean_of_the_training_scans(task, files):
    task = read_task(task)
    run = task.runs[0]
    path = files / f"{run.stem}.csv"
    table = pd.read_csv(path).sample(frac=1, random_state=0).reset_index(drop=True)
    table["failed"] = [True, True, *[False] * (len(table) - 2)]
    table.loc[:1, ["z0", "z1", "z2", "z3"]] = 0
    table.to_csv(path, index=False)
    (checked,) = checked_runs(task, {run: path})
    assert checked.failed == 2
    vectors = checked.table[["z0", "z1", "z2", "z3"]]
    train = (checked.table["split"] == "train") & (checked.table.index > 1)
    np.testing.assert_allclose(vectors.iloc[0], vectors[train].mean())
    np.testing.assert_allclose(vectors.iloc[5], table.loc[5, ["z0", "z1", "z2", "z3"]].astype(float))
    assert (checked.table["diagnosis"] != "").all()


def test_submissions_of_one_task_are_merged_and_paired_by_subject(submitted, inside, tmp_path):
    noise, oracle = submitted["noise"], submitted["oracle"]
    published = tmp_path / "published"
    # As folders are committed: without the replicates of every score.
    shutil.copytree(noise, published, ignore=shutil.ignore_patterns("replicates.parquet"))
    inside("merge", published, oracle, "--out", tmp_path / "all")
    merged = read_results(tmp_path / "all")
    assert set(merged.provenance["submitted"]) == {"noise", "oracle"}
    assert len(merged.provenance["run_keys"]) == 8
    table = pd.read_csv(tmp_path / "all" / "statistics_comparisons.csv")
    row = table[(table["protocol"] == "pooled") & (table["score"] == "map_cn_ad")].iloc[0]
    assert row["test"] == "bootstrap over subjects"
    assert row["resamples"] == 40
    assert (row["kind"], row["better"]) == ("primary", "oracle")
    values, without = paired_values([read_results(noise), read_results(oracle)])
    assert without == []
    one, two = (values[values["method"] == name].reset_index(drop=True) for name in ("noise", "oracle"))
    pd.testing.assert_frame_equal(one[["table", "metric", "seed"]], two[["table", "metric", "seed"]])


def test_without_replicates_methods_are_paired_by_seed(submitted, inside, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(submitted["noise"], bare, ignore=shutil.ignore_patterns("replicates*.parquet"))
    done = inside("merge", bare, submitted["oracle"], "--out", tmp_path / "all")
    assert "note: bare without replicates: methods are paired by seed, not by subject" in done.stdout
    intervals = pd.read_csv(tmp_path / "all" / "statistics_intervals.csv")
    assert set(intervals.loc[intervals["protocol"] == "pooled", "covers"]) == {"seeds"}
    assert not (tmp_path / "all" / "replicates_headline.parquet").exists()


def test_a_new_row_is_compared_with_those_that_are_there(submitted, inside, tmp_path):
    done = inside("compare", submitted["noise"], submitted["oracle"], check=False)
    assert done.returncode == 1
    assert "no run is in both" in done.stdout
    assert "new in A: noise\nnew in B: oracle" in done.stdout
    lines = done.stdout.splitlines()
    heading = next(line for line in lines if line.startswith("pooled"))
    assert heading.split()[1:3] == ["mAP", "CN/AD"]
    # 40 resamples give no p below 1/41, which a correction over more than two tests leaves above 0.05.
    assert lines[lines.index(heading) - 1].startswith("No test over subjects can be beyond chance here")
    a, b = (read_results(submitted[name]).scores for name in ("noise", "oracle"))
    chosen = dict(table="retrieval", metric="mAP", gallery="other_sites", label="CN/AD", protocol="pooled", subgroup="")
    mean = [scores.loc[(scores[list(chosen)] == pd.Series(chosen)).all(axis=1), "value"].mean() for scores in (a, b)]
    row = lines[lines.index(heading) + 1].split()
    assert row[0] == "noise"
    assert row[1].rstrip("*") == f"{mean[1] - mean[0]:+.3f}"
    assert inside("compare", submitted["noise"], submitted["oracle"], "--fail_on", "never").returncode == 0


def test_other_data_are_not_merged_and_not_compared(submitted, inside, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(submitted["oracle"], other)
    provenance = read_results(other).provenance
    provenance["data_parts"]["1"]["splits"] = "another"
    write_provenance(provenance, other)
    done = inside("merge", submitted["noise"], other, "--out", tmp_path / "all", check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("different tasks: the splits of seed 1 differ\n")
    said = inside("compare", submitted["noise"], other, check=False).stdout
    assert "not compared with each other: different tasks: the splits of seed 1 differ" in said


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("about", {"cards": {"<b>": {"call": "x"}}}, "the card of '<b>' is not one of this version"),
        ("about", {"notes": "<script>"}, "field 'about.notes' must be a list"),
        ("about", {"shared_subjects": {"pooled": 2}}, "shared_subjects.pooled' must be a number from 0 to 1"),
        ("run_key_parts", {"x": "y"}, "records no run keys"),
        ("sweep", {"overrides": []}, "records no run keys"),
    ],
)
def test_the_provenance_of_a_stranger_is_answered_in_one_line(submitted, inside, tmp_path, entry, value, message):
    other = tmp_path / "other"
    shutil.copytree(submitted["oracle"], other)
    provenance = read_results(other).provenance
    provenance[entry] |= value
    write_provenance(provenance, other)
    done = inside("merge", submitted["noise"], other, "--out", tmp_path / "all", check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_is_missing_is_named(files, task, card, inside, tmp_path, refused):
    for path in files.glob("leave*"):
        path.unlink()
    message = refused(files, "--task", task, "--card", card())
    assert message.startswith("2 of 4 runs of the task have no file: leave_one_site_out_phantom-ADNI1_1, leave_one_")
    given = (files / "pooled_1.csv", files / "pooled_2.csv")
    done = inside(
        "submit", *given, "--task", task, "--card", card(), "--out", tmp_path / "some", "--allow_missing", "true"
    )
    assert "missing: leave_one_site_out_phantom-ADNI1_1" in done.stdout
    results = read_results(tmp_path / "some")
    assert any("2 of 4 runs missing" in note for note in results.provenance["about"]["notes"])
    done = inside("verify", tmp_path / "some", check=False)
    assert done.returncode == 2
    assert "its rows were submitted, and no sweep makes them" in done.stderr

"""Tasks as they are exported."""

from __future__ import annotations

import hashlib
import json
import shlex

import pandas as pd
import pytest

from benchmark.cli import main
from benchmark.errors import UserError
from benchmark.prepare.phantom.generate import write_manifests
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.tasks.export import phantom_command, sweep_named
from benchmark.tasks.task import RULES, read_task
from tests.benchmark.tasks.conftest import sweep_file
from tests.conftest import ROOT


def test_a_task_says_what_is_measured_on_and_how(task):
    read = read_task(task)
    assert [run.stem for run in read.runs] == [
        "pooled_1", "pooled_2", "leave_one_site_out_phantom-ADNI1_1", "leave_one_site_out_phantom-ADNI2_1",
    ]  # fmt: skip
    assert read.evaluation.probes == ("knn",)
    assert read.evaluation.bootstrap == 40
    assert read.synthetic
    assert read.rules == list(RULES)
    assert read.metrics["retrieval/mAP"] >= 2
    scans = pd.read_csv(task / "scans-1.csv", dtype=str, keep_default_na=False)
    assert len(scans) == read.data[1].scans
    assert set(scans["split"]) == {"train", "test"}
    held_out = scans["split"] == "test"
    assert (scans.loc[held_out, ["diagnosis", "age", "sex"]] == "").all(axis=None)
    assert (scans.loc[~held_out, ["diagnosis", "age", "sex"]] != "").all(axis=None)
    page = (task / "README.md").read_text()
    assert read.digest in page
    assert read.data[1].command in page
    assert all(rule in page for rule in RULES)


def test_the_command_of_a_phantom_makes_the_manifests_of_the_task(task, tmp_path):
    data = read_task(task).data[2]
    program, command, *options = shlex.split(data.command)
    assert (program, command, options[:2]) == ("seada-bench", "phantom", ["--out", "data/tiny-2"])
    knobs = dict(option.removeprefix("--").split("=") for option in options[2:])
    made = write_manifests(PhantomSettings(**{name: int(value) for name, value in knobs.items()}), tmp_path)
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in made} == data.manifests
    assert phantom_command(tmp_path, PhantomSettings()) == f"seada-bench phantom --out {tmp_path}"


def test_the_manifests_of_quick_are_those_that_its_phantom_has(tmp_path):
    made = write_manifests(PhantomSettings(seed=1), tmp_path)
    assert {path.name: path.read_bytes() for path in made} == {
        path.name: path.read_bytes() for path in (ROOT / "data_manifests" / "phantom").glob("*.csv")
    }


def test_a_task_is_the_same_wherever_its_data_lie_and_another_with_other_data(task, tmp_path, inside):
    def digest(name, **changes):
        folder = tmp_path / name
        folder.mkdir()
        inside("task", "export", sweep_file(folder, **changes), "--out", folder / "task")
        return read_task(folder / "task").digest

    moved = {"overrides": {"data.manifests": ["elsewhere/{seed}/*.csv"]}}
    assert digest("moved", **moved) == read_task(task).digest
    settings = {"seed": "{seed}", "sites": 2, "train_scans": 32, "test_subjects": 6}
    other = {"phantom": {"out": "data/tiny-{seed}", "settings": settings}}
    assert digest("other", **other) != read_task(task).digest


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "task.json",
            lambda text: text.replace('"bootstrap": 40', '"bootstrap": 41'),
            "was changed since it was written",
        ),
        (
            "task.json",
            lambda text: text.replace('"schema_version": 1', '"schema_version": 9'),
            "schema_version 9 is not",
        ),
        ("task.json", lambda text: text[:100], "cannot be read as a task: JSONDecodeError"),
        ("scans-1.csv", lambda text: text.replace(",train,", ",test,", 1), "was changed since it was written"),
        ("scans-2.csv", None, "there is no such file; export the task again"),
    ],
)
def test_a_task_that_was_changed_is_refused(task, tmp_path, name, change, message):
    for path in task.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if change is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(change((task / name).read_text()))
    with pytest.raises(UserError, match=message) as error:
        read_task(tmp_path)
    assert str(tmp_path / name) in str(error.value)


def test_what_cannot_be_exported_is_said_in_one_line(capsys, tmp_path, task):
    assert main(["task", "export", "../quick", "--out", str(tmp_path / "x")]) == 2
    assert "no such sweep file or shipped sweep; shipped: ablation" in capsys.readouterr().err
    assert main(["task", "export", "stress", "--out", str(tmp_path / "x")]) == 2
    assert "is a sweep with 'axes', which is a task for each setting" in capsys.readouterr().err
    assert main(["task", "export", "paper", "--out", str(tmp_path / "x")]) == 2
    assert "prepared/adni/ADNI1.csv is not there; a task needs its manifests" in capsys.readouterr().err
    assert main(["task", "export", "quick", "--out", str(task)]) == 2
    assert "is already there; name a new folder" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    assert sweep_named("quick").phantom is not None
    assert "digest" in json.loads((task / "task.json").read_text())

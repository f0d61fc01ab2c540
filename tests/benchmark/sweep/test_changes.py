"""Sweeps that are called again after something was edited: what is trained again, and what is said of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import replace

import pandas as pd
import pytest
import yaml

from benchmark.sweep import sources
from benchmark.sweep.changes import UNKNOWN
from benchmark.sweep.config import read_sweep
from benchmark.sweep.runs import runs_of
from benchmark.sweep.up_to_date import still_finished
from benchmark.sweep.worker import execute_run
from tests.conftest import smoke_sweep

METHOD = '''
from baselines.random_vectors import RandomVectors


class Mine(RandomVectors):
    """Vectors of one's own."""

    def embed(self, batch):
        from my_helper import stretched

        return stretched(super().embed(batch))
'''
HELPER = '''
def stretched(vectors):
    """Longer ones."""
    return 2.0 * vectors
'''
QUICK = {"probes": ["knn"], "permutations": 0, "test_permutations": 0, "inner_folds": 0, "bootstrap": 10}

pytestmark = [pytest.mark.usefixtures("no_workers"), pytest.mark.slow]


def new_process():
    """Forget the modules of one's own, as a process that begins has not loaded them."""
    for name in ("my_method", "my_helper"):
        sys.modules.pop(name, None)
        sources._LOADED.pop(name, None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, phantom, inside, no_workers):
    """A finished sweep of a method from a folder of its own, on a copy of the phantom."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "code").mkdir()
    (folder / "code" / "my_method.py").write_text(METHOD)
    (folder / "code" / "my_helper.py").write_text(HELPER)
    shutil.copytree(phantom, folder / "phantom")
    (folder / "mine.yaml").write_text("model: {class_path: my_method.Mine, init_args: {ldr_dim: 8}}\n")
    sweep = smoke_sweep(folder / "phantom") | {"methods": [str(folder / "mine.yaml")], "phantom": None}
    sweep["evaluation"] |= QUICK
    (folder / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder / "code")
        inside("sweep", "--config", folder / "sweep.yaml", "--out", folder / "out")
        new_process()
    return folder


@pytest.fixture
def mine(finished, tmp_path, monkeypatch):
    """A copy of it in another folder, from which the method is imported."""
    folder = tmp_path / "project"
    shutil.copytree(finished, folder)
    for name in ("mine.yaml", "sweep.yaml"):
        (folder / name).write_text((folder / name).read_text().replace(str(finished), str(folder)))
    monkeypatch.syspath_prepend(folder / "code")
    new_process()
    yield folder
    new_process()


@pytest.fixture
def again(mine, inside, monkeypatch):
    """Call the sweep again; lines about what is out of date, and the tables of embeddings by run key."""
    # Of a plan, what else it says takes seconds of measuring.
    monkeypatch.setattr("benchmark.sweep.planning.make_plan", lambda *_: None)
    monkeypatch.setattr("benchmark.sweep.plan_text.plan_text", lambda *_: "")

    def run(*arguments):
        new_process()
        done = inside("sweep", "--config", mine / "sweep.yaml", "--out", mine / "out", *arguments)
        said = (done.stderr + done.stdout).splitlines()
        lines = [line for line in said if re.search("out of date|older version", line)]
        return lines, {path.parent.name: pd.read_parquet(path) for path in mine.glob("out/runs/*/embeddings.parquet")}

    return run


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_runs_of_an_older_version_are_said_to_be_made_again_and_left(mine, again):
    (mine / "out" / "runs").rename(mine / "out" / "cells")
    before = sorted(path for path in (mine / "out" / "cells").rglob("*"))
    lines, _ = again("--plan")
    said = (
        f"{mine}/out/cells is of an older version and not used; runs are made again in {mine}/out/runs, and it can go"
    )
    assert lines == [said]
    lines, tables = again()
    assert [line.endswith(said) for line in lines] == [True]
    assert len(tables) == 1
    assert sorted(path for path in (mine / "out" / "cells").rglob("*")) == before


def test_an_edit_of_what_an_outside_method_imports_trains_it_again_and_says_so(mine, again):
    (old,) = mine.glob("out/runs/*")
    before = pd.read_parquet(old / "embeddings.parquet")
    edit(mine / "code" / "my_helper.py", "2.0", "3.0")
    assert still_finished(mine / "out", mine / "sweep.yaml") is None
    lines, tables = again("--plan")
    assert [line.partition("mine:")[2] for line in lines] == [" 1 run out of date: source of my_helper changed"]
    assert len(tables) == 1
    lines, tables = again()
    assert [line.partition("mine:")[2] for line in lines] == [" 1 run out of date: source of my_helper changed"]
    assert len(tables) == 2
    # What was there stays there.
    pd.testing.assert_frame_equal(tables.pop(old.name), before)
    (new,) = tables.values()
    columns = [f"z{i}" for i in range(8)]
    pd.testing.assert_frame_equal(new[columns] / 3, before[columns] / 2)
    assert again()[0] == []


def test_the_method_itself_and_its_configuration_are_named_too(mine, again):
    edit(mine / "code" / "my_method.py", "super().embed(batch)", "-super().embed(batch)")
    edit(mine / "mine.yaml", "ldr_dim: 8", "ldr_dim: 6")
    lines, _ = again()
    assert [line.partition("mine:")[2] for line in lines] == [
        " 1 run out of date: configuration changed: model.init_args.ldr_dim 8 -> 6; source of my_method changed"
    ]


def test_nothing_is_trained_again_for_words_layout_another_folder_or_files_made_again(mine, again, finished):
    """The copy lies in another folder; its phantom was written anew, and the text of its code changed."""
    edit(mine / "code" / "my_method.py", "one's own", "somebody")
    edit(mine / "code" / "my_helper.py", "return 2.0 * vectors", "# Twice.\n    return (\n        2.0 * vectors\n    )")
    (mine / "code" / "not_imported.py").write_text("x = 1\n")
    for path in mine.glob("phantom/**/*.nii.gz"):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        os.utime(path, ns=(10**18, 10**18))
    lines, tables = again()
    assert lines == []
    assert set(tables) == {path.name for path in finished.glob("out/runs/*")}
    for path in finished.glob("out/runs/*/run.json"):
        assert (mine / "out" / path.relative_to(finished / "out")).read_text() == path.read_text()


def test_other_images_and_another_truth_are_other_data(mine, again):
    images = sorted(mine.glob("phantom/**/*_T1w.nii.gz"))
    images[0].write_bytes(images[1].read_bytes())
    lines, _ = again("--plan")
    assert lines[0] == "mine: 1 run out of date: data changed (images)"
    table = pd.read_csv(mine / "phantom" / "truth.csv", dtype=str, keep_default_na=False)
    table.assign(more="1").to_csv(mine / "phantom" / "truth.csv", index=False)
    lines, _ = again("--plan")
    assert lines[0] == "mine: 1 run out of date: data changed (images, truth)"


def test_an_edited_scoring_is_done_again_without_training(mine, again):
    (old,) = mine.glob("out/runs/*")
    written = (old / "embeddings.parquet").stat().st_mtime_ns
    edit(mine / "sweep.yaml", "bootstrap: 10", "bootstrap: 12")
    lines, tables = again()
    assert [line.partition("mine:")[2] for line in lines] == [
        " scores of 1 run out of date: evaluation changed: bootstrap 10 -> 12"
    ]
    assert list(tables) == [old.name]
    assert (old / "embeddings.parquet").stat().st_mtime_ns == written


def test_a_run_of_an_earlier_version_says_as_much(mine, again):
    (path,) = mine.glob("out/runs/*/run.json")
    content = json.loads(path.read_text())
    del content["run_parts"]
    path.write_text(json.dumps(content | {"run_key": "0" * 64, "score_key": "0" * 64}))
    path.parent.rename(path.parent.with_name("0" * 16))
    lines, _ = again()
    assert [line.partition("mine:")[2] for line in lines] == [f" 1 run out of date: {UNKNOWN}"]


def test_a_file_that_shadows_a_module_is_seen(mine, tmp_path, monkeypatch, again):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "my_helper.py").write_text(HELPER.replace("2.0", "4.0"))
    again()
    assert still_finished(mine / "out", mine / "sweep.yaml") is not None
    monkeypatch.syspath_prepend(tmp_path / "first")
    assert still_finished(mine / "out", mine / "sweep.yaml") is None
    assert [line.partition("mine:")[2] for line in again()[0]] == [" 1 run out of date: source of my_helper changed"]


def test_a_process_that_has_loaded_other_source_does_not_train(mine, tmp_path):
    """An edit while a sweep runs: a module that is loaded stays as it was, and its key would be another's."""
    sweep = read_sweep(mine / "sweep.yaml")
    (run,) = runs_of(sweep, tmp_path / "new")
    assert execute_run(run, None, sweep.evaluation) is None
    edit(mine / "code" / "my_helper.py", "2.0", "3.0")
    (edited,) = runs_of(sweep, tmp_path / "new")
    assert edited.run_key != run.run_key
    error = execute_run(edited, None, sweep.evaluation)
    assert error == (
        "UserError: the training is not the one that the sweep began with (source of my_helper changed); "
        "run the sweep again"
    )
    # Of what it had loaded before, runs go on.
    shutil.rmtree(run.folder)
    assert execute_run(run, None, sweep.evaluation) is None
    torn = replace(run, score_parts=replace(run.score_parts, versions={"numpy": "0"}))
    assert "the scoring is not the one" in str(execute_run(torn, None, sweep.evaluation))


def test_two_methods_of_one_name_are_refused(mine, inside):
    (mine / "other").mkdir()
    shutil.copy(mine / "mine.yaml", mine / "other" / "mine.yaml")
    content = yaml.safe_load((mine / "sweep.yaml").read_text())
    content["methods"].append(str(mine / "other" / "mine.yaml"))
    (mine / "sweep.yaml").write_text(yaml.safe_dump(content))
    done = inside("sweep", "--config", mine / "sweep.yaml", "--out", mine / "new", check=False)
    assert done.returncode == 2
    assert f"{mine / 'mine.yaml'} and {mine / 'other' / 'mine.yaml'} are both called 'mine'" in done.stderr
    assert done.stderr.count("\n") == 1

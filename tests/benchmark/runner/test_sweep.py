import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.conftest import ROOT, smoke_sweep

#: Times that a sweep is killed before it is left to its end; by hand, with more.
KILLS = int(os.environ.get("SEADA_BENCH_TEST_KILLS", "2"))
TABLES = ("scores.csv", "scores.parquet", "retrieval.md", "retrieval.csv", "leakage.md", "leakage.csv")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, phantom, command):
    """Results of an uninterrupted smoke sweep, and the file it was run from."""
    folder = tmp_path_factory.mktemp("sweep")
    config = folder / "smoke.yaml"
    config.write_text(yaml.safe_dump(smoke_sweep(phantom)))
    done = command("sweep", "--config", config, "--out", folder / "a")
    return config, folder / "a", done


def contents(folder):
    return {name: (folder / name).read_bytes() for name in TABLES}


def markers(folder):
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("cells/*/cell.json")}


def test_the_tables_are_printed_and_say_where_they_lie(finished):
    _, out, done = finished
    assert "retrieval" in done.stdout.lower()
    assert "leakage" in done.stdout.lower()
    assert f"{out}/retrieval.md" in done.stdout
    assert "left" in done.stderr  # the progress bar's estimate


def test_every_method_is_in_the_scores_and_nothing_is_rosily_missing(finished):
    _, out, _ = finished
    scores = pd.read_parquet(out / "scores.parquet")
    assert set(scores["method"]) == {
        "seada", "dann", "combat", "autoencoder", "pca_voxels", "random_vectors", "true_anatomy",
    }  # fmt: skip
    overall = scores.query("table == 'retrieval' and metric == 'mAP' and subgroup == ''")
    assert overall["value"].between(0, 1).all()
    assert scores.loc[scores["value"].isna(), "reason"].str.len().gt(0).all()


def test_the_autoencoder_is_trained_once_for_itself_and_combat(finished):
    _, out, _ = finished
    cells = {json.loads(path.read_text())["method"]: path.parent for path in out.glob("cells/*/cell.json")}
    assert (cells["autoencoder"] / "logs" / "metrics.csv").read_text().count("\n") >= 2
    assert not (cells["combat"] / "checkpoints").exists() or not any((cells["combat"] / "checkpoints").iterdir())
    log = cells["combat"] / "logs" / "metrics.csv"
    assert not log.exists() or "reconstruction" not in log.read_text()


def test_a_second_call_does_nothing_and_changes_nothing(finished, command):
    config, out, _ = finished
    before, tables = markers(out), contents(out)
    command("sweep", "--config", config, "--out", out)
    assert markers(out) == before
    assert contents(out) == tables


def test_a_sweep_that_is_killed_again_and_again_ends_with_the_same_bytes(phantom, command, tmp_path):
    sweep = smoke_sweep(phantom) | {"methods": ["seada", "pca_voxels", "random_vectors"]}
    config, reference, out = tmp_path / "smoke.yaml", tmp_path / "undisturbed", tmp_path / "killed"
    config.write_text(yaml.safe_dump(sweep))
    began = time.monotonic()
    command("sweep", "--config", config, "--out", reference)
    taken = time.monotonic() - began
    draw = random.Random(KILLS)
    before = {}
    for _ in range(KILLS):
        # Most of the first third is Python's own start.
        killed(config, out, taken * draw.uniform(0.3, 1.0))
        after = markers(out)
        # What was finished once is not done again.
        assert {name: after[name] for name in before} == before
        before = after
    command("sweep", "--config", config, "--out", out)
    assert {name: markers(out)[name] for name in before} == before
    assert contents(out) == contents(reference)


def killed(config, out, seconds):
    """Start a sweep and kill it, with its workers, after some time."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark.cli", "sweep", "--config", str(config), "--out", str(out)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def test_the_plan_names_the_cells_and_runs_nothing(finished, command, tmp_path):
    config, out, _ = finished
    done = command("sweep", "--config", config, "--out", tmp_path / "planned", "--plan")
    assert done.stdout.count(" new ") == 7
    assert "7 cells, about" in done.stdout
    assert not (tmp_path / "planned" / "cells").exists()
    assert command("sweep", "--config", config, "--out", out, "--plan").stdout.count(" done ") == 7


def test_tables_for_readers_with_examples_statistics_and_weights(finished, command, tmp_path):
    _, out, _ = finished
    done = command("tables", out, "--out", tmp_path / "tables", "--weights", "{map_cn_ad: 0.5, mlp_standardised: 0.5}")
    assert "report.html" in done.stdout
    page = (tmp_path / "tables" / "report.html").read_text(encoding="utf-8")
    for text in ("Weighted score", "Retrieval", "Leakage, further measures", "What is kept", "data:image/png"):
        assert text in page
    assert {path.suffix for path in (tmp_path / "tables").iterdir()} == {".html", ".md", ".csv", ".tex", ".json"}
    assert "no column 'nothing'" in command("tables", out, "--weights", "{nothing: 1}", check=False).stderr


def test_a_failed_cell_is_recorded_and_the_others_go_on_each_by_its_own_distance(smoke, command, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("model: {class_path: baselines.pca_voxels.PCAVoxels, init_args: {ldr_dim: 5000}}\n")
    declared = tmp_path / "declared.yaml"
    declared.write_text("model: {class_path: baselines.random_vectors.RandomVectors}\nown_distance: whitened\n")
    config = smoke(methods=["random_vectors", str(broken), str(declared)])
    done = command("sweep", "--config", config, "--out", tmp_path / "out", check=False)
    assert done.returncode == 1
    assert "failed: broken, pooled, seed 7: MethodError: PCAVoxels: ldr_dim 5000 is not allowed" in done.stderr
    assert "Traceback" not in done.stderr
    errors = list(Path(tmp_path / "out").glob("cells/*/error.txt"))
    assert len(errors) == 1
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    own = scores["params"].str.contains("distance=whitened") & scores["params"].str.contains("headline=own")
    assert set(scores["method"]) == {"random_vectors", "declared"}
    assert set(scores.loc[own, "method"]) == {"declared"}
    text = (tmp_path / "out" / "retrieval.md").read_text()
    assert "1 of 3 cells are missing" in text
    assert "(`cosine_centred`) for random_vectors; whitened for declared." in text

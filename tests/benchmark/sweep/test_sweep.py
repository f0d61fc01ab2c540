import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from benchmark.sweep.config import read_sweep
from benchmark.sweep.data_sets import build_stores, scans_of, store_folder
from benchmark.sweep.parts import HEAD
from benchmark.sweep.runs import runs_of
from tests.conftest import ROOT, smoke_sweep, untimed

pytestmark = pytest.mark.slow

#: Times that a sweep is killed; by hand, with more.
KILLS = int(os.environ.get("SEADA_BENCH_TEST_KILLS", "6"))
TABLES = ("scores.csv", "scores.parquet", "retrieval.md", "retrieval.csv", "leakage.md", "leakage.csv")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, phantom, inside):
    """Results of an uninterrupted smoke sweep, and the file it was run from."""
    folder = tmp_path_factory.mktemp("sweep")
    config = folder / "smoke.yaml"
    config.write_text(yaml.safe_dump(smoke_sweep(phantom)))
    done = inside("sweep", "--config", config, "--out", folder / "a")
    return config, folder / "a", done


def contents(folder):
    return {name: untimed(folder / name) for name in TABLES}


def markers(folder):
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("runs/*/run.json")}


def test_the_tables_are_printed_and_say_where_they_lie(finished):
    _, out, done = finished
    assert "retrieval" in done.stdout.lower()
    assert "leakage" in done.stdout.lower()
    assert f"{out}/retrieval.md" in done.stdout
    assert "left" in done.stderr  # the progress bar's estimate


def test_finished_methods_are_told_while_the_others_go_on(finished):
    _, out, done = finished
    lines = [line[20:] for line in done.stderr.splitlines() if re.match(r"\d{4}(-\d\d){2} (\d\d:){2}\d\d ", line)]
    told = [line for line in lines if " of 1 seed  leakage " in line]
    tables = {name: pd.read_csv(out / f"{name}.csv").set_index("method") for name in ("leakage", "retrieval")}
    assert {line.split()[0] for line in told} == set(tables["leakage"].index)
    assert len(told) == len(tables["leakage"])
    for line in told:
        method = line.split()[0]
        leakage, found = (tables[name].loc[method] for name in tables)
        assert line.split("  ", 1)[1].lstrip() == (
            f"pooled  1 of 1 seed  leakage {leakage['mlp_standardised']:.2f} "
            f"(chance {leakage['mlp_standardised_chance']:.2f})  mAP {found['map_cn_ad']:.2f} "
            f"(chance {found['map_cn_ad_chance']:.2f})  top-1 {found['travelling_top1']:.2f}"
        )
    # Said once, before the first of them, when others are still to come.
    assert lines.count(HEAD) == 1
    after = lines[lines.index(HEAD) :]
    assert set(told) <= set(after)
    assert any("/11 runs done, about" in line for line in after)


def test_every_method_is_in_the_scores_and_nothing_is_rosily_missing(finished):
    _, out, _ = finished
    scores = pd.read_parquet(out / "scores.parquet")
    assert set(scores["method"]) == {
        "seada_balanced", "dann", "combat", "autoencoder", "pca_voxels", "mask_pca", "mask_pca_combat",
        "equalised_pca", "equalised_pca_combat", "random_vectors", "true_anatomy",
    }  # fmt: skip
    overall = scores.query("table == 'retrieval' and metric == 'mAP' and subgroup == ''")
    assert overall["value"].between(0, 1).all()
    assert scores.loc[scores["value"].isna(), "note"].str.len().gt(0).all()


def test_the_footers_name_model_selection_and_what_methods_need(finished):
    _, out, _ = finished
    for name in ("retrieval.md", "leakage.md"):
        text = (out / name).read_text()
        assert "- Model selection: none within a run. The weights are those at the end of training" in text
        assert "- The site of a scan must be known to embed it by: combat, " in text
        assert "- mask_pca_combat: a control: it sees the outline of the brain alone" in text
        assert "No row was marked as training" not in text
        # No site is held out here.
        assert "Leave one site out" not in text


def test_the_provenance_has_the_switches_of_the_processes_that_trained(finished):
    _, out, _ = finished
    assert json.loads((out / "provenance.json").read_text())["environment"]["deterministic_algorithms"] is True


def test_a_base_is_trained_once_for_itself_and_combat(finished):
    _, out, _ = finished
    runs = {json.loads(path.read_text())["method"]: path.parent for path in out.glob("runs/*/run.json")}
    for name in ("mask_pca", "equalised_pca"):
        given = yaml.safe_load((runs[f"{name}_combat"] / "config.yaml").read_text())["trained_base"]
        assert Path(given).parent.name == runs[name].name
    # Of another learning rate than the autoencoder's: ComBat trains its own.
    assert yaml.safe_load((runs["combat"] / "config.yaml").read_text()).get("trained_base") is None
    assert "reconstruction" in (runs["combat"] / "logs" / "metrics.csv").read_text()


def test_another_call_from_a_shell_says_the_same_and_changes_nothing(finished, command):
    config, out, done = finished
    before, tables = markers(out), contents(out)
    assert command("sweep", "--config", config, "--out", out).stdout == done.stdout
    assert markers(out) == before
    assert contents(out) == tables


def test_a_sweep_that_is_killed_again_and_again_ends_with_the_same_bytes(finished, tmp_path):
    """Killed at random moments, in this design without workers so that many fit in a minute."""
    config, reference, _ = finished
    arguments = [sys.executable, str(ROOT / "tests" / "killing.py"), str(config), str(tmp_path / "killed"), str(KILLS)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "killed") == contents(reference)


def test_workers_die_with_the_sweep(smoke, tmp_path):
    config = smoke(methods=["autoencoder"], overrides={"trainer.max_epochs": 2000}, workers=1)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark.cli", "sweep", "--config", str(config), "--out", str(tmp_path / "out")],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.time() + 120
    while not list(tmp_path.glob("out/runs/*/config.yaml")) and time.time() < deadline:
        time.sleep(0.05)
    workers = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    assert workers
    process.kill()
    process.wait()
    deadline = time.time() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.time() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_the_plan_names_the_runs_and_runs_nothing(finished, inside, tmp_path):
    config, out, _ = finished
    done = inside("sweep", "--config", config, "--out", tmp_path / "planned", "--plan")
    assert done.stdout.count(" new ") == 11
    assert "11 runs, about" in done.stdout
    assert not (tmp_path / "planned" / "runs").exists()
    assert inside("sweep", "--config", config, "--out", out, "--plan").stdout.count(" done ") == 11


def test_tables_for_readers_with_examples_statistics_and_weights(finished, inside, tmp_path):
    _, out, _ = finished
    done = inside("tables", out, "--out", tmp_path / "tables", "--weights", "{map_cn_ad: 0.5, mlp_standardised: 0.5}")
    assert "report.html" in done.stdout
    page = (tmp_path / "tables" / "report.html").read_text(encoding="utf-8")
    for text in ("Weighted score", "Retrieval", "Leakage, further measures", "What is preserved", "data:image/png"):
        assert text in page
    assert {path.suffix for path in (tmp_path / "tables").iterdir()} == {".html", ".md", ".csv", ".tex", ".json"}
    assert "no column 'nothing'" in inside("tables", out, "--weights", "{nothing: 1}", check=False).stderr


def test_it_is_said_once_that_volumes_are_preprocessed(smoke, tmp_path):
    path = smoke(methods=["random_vectors"])
    content = yaml.safe_load(path.read_text())
    content["overrides"]["data.cache_dir"] = str(tmp_path / "cache")
    path.write_text(yaml.safe_dump(content))
    runs = runs_of(read_sweep(path), tmp_path)
    said = []
    for _ in range(2):
        build_stores(runs, 1, said.append)
    folder = store_folder(runs[0])
    assert said == [f"preprocessing {len(scans_of(runs[0]))} volumes into {folder}"]
    assert folder.parent == tmp_path / "cache"


def test_a_base_is_shared_with_methods_that_can_take_over_a_trained_one(smoke, tmp_path):
    plain, coral, nyul = runs_of(read_sweep(smoke(methods=["autoencoder", "coral", "nyul"])), tmp_path)
    assert coral.config["model"]["init_args"]["base"] == nyul.config["model"]["init_args"]["base"]
    # The base of the second trains on images of other intensities.
    assert (coral.base_key, nyul.base_key) == (plain.run_key, "")


def test_a_failed_run_is_recorded_and_the_others_go_on_each_by_its_own_distance(smoke, inside, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("model: {class_path: baselines.pca_voxels.PCAVoxels, init_args: {ldr_dim: 5000}}\n")
    declared = tmp_path / "declared.yaml"
    declared.write_text("model: {class_path: baselines.random_vectors.RandomVectors}\nown_distance: whitened\n")
    config = smoke(methods=["random_vectors", str(broken), str(declared)])
    done = inside("sweep", "--config", config, "--out", tmp_path / "out", check=False)
    assert done.returncode == 1
    assert "failed: broken, pooled, seed 7: MethodError: PCAVoxels: ldr_dim 5000 is not allowed" in done.stderr
    assert "Traceback" not in done.stderr
    errors = list(Path(tmp_path / "out").glob("runs/*/error.txt"))
    assert len(errors) == 1
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    own = (scores["distance"] == "whitened") & (scores["headline"] == "own")
    assert set(scores["method"]) == {"random_vectors", "declared"}
    assert set(scores.loc[own, "method"]) == {"declared"}
    text = (tmp_path / "out" / "retrieval.md").read_text()
    assert "1 of 3 runs are missing" in text
    assert "(`cosine_centred`) for random_vectors; whitened for declared." in text

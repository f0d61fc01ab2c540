"""Results are made again from their own record, compared, and never written to."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import asdict
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml

import benchmark.sweep.verify
from benchmark.cli import main
from benchmark.results.write import write_scores
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.recorded import sanitised
from benchmark.train.tracking.settings import TrackingSettings, WandbSettings
from tests.conftest import smoke_sweep
from tests.tables import long_table

pytestmark = pytest.mark.slow

QUICK = {"probes": ["knn"], "permutations": 0, "test_permutations": 0, "inner_folds": 0, "bootstrap": 20}


@pytest.fixture(scope="module", autouse=True)
def here(phantom):
    """The commands are run where the phantom is: a recorded sweep may write below that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(phantom.parent)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory, phantom, here, no_workers):
    """A smoke sweep of the closed-form methods, its results, and the folder that they were made again in."""
    folder = tmp_path_factory.mktemp("verify")
    sweep = smoke_sweep(phantom) | {"methods": ["pca_voxels", "random_vectors"], "workers": 1}
    sweep["evaluation"] |= QUICK
    sweep["phantom"]["out"], sweep["overrides"]["data.cache_dir"] = phantom.name, "cache"
    (folder / "smoke.yaml").write_text(yaml.safe_dump(sweep))
    assert main(["sweep", "--config", str(folder / "smoke.yaml"), "--out", str(folder / "results")]) == 0
    before = contents(folder / "results")
    status = main(["verify", str(folder / "results"), "--out", str(folder / "again")])
    return folder, status, before


@pytest.fixture
def tampered(made, tmp_path):
    """A copy of the results, with other scores or another provenance."""
    folder, _, _ = made

    def write(scores=None, provenance=None):
        shutil.copytree(folder / "results", tmp_path / "tampered", ignore=shutil.ignore_patterns("cells"))
        path = tmp_path / "tampered" / "provenance.json"
        if scores:
            write_scores(scores(pd.read_parquet(tmp_path / "tampered" / "scores.parquet")), tmp_path / "tampered")
        if provenance:
            found = json.loads(path.read_text())
            provenance(found)
            path.write_text(json.dumps(found))
        return tmp_path / "tampered"

    return write


@pytest.fixture
def verify(made, capsys):
    """Status, output and error of verifying results in the folder that they were made again in."""

    def run(results, *arguments, out=None):
        capsys.readouterr()
        status = main(["verify", str(results), "--out", str(out or made[0] / "again"), *map(str, arguments)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def contents(folder):
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_results_come_out_again_and_stay_as_they_are(made, verify):
    folder, status, before = made
    assert status == 0
    assert contents(folder / "results") == before
    assert (folder / "again" / "scores.parquet").read_bytes() == (folder / "results" / "scores.parquet").read_bytes()
    cells = {path: path.stat().st_mtime_ns for path in (folder / "again").glob("cells/*/cell.json")}
    status, text, _ = verify(folder / "results")
    assert status == 0
    assert "run keys: all 2 equal" in text
    assert "verified: 2 cells of 2 run again, scores within 1e-06" in text
    assert "NOT" not in text
    assert {path: path.stat().st_mtime_ns for path in (folder / "again").glob("cells/*/cell.json")} == cells


def test_a_tampered_score_is_found(tampered, verify):
    def change(scores):
        row = scores.index[(scores["method"] == "pca_voxels") & (scores["metric"] == "effective_rank")][0]
        scores.loc[row, "value"] += 0.25
        return scores

    results = tampered(change)
    status, text, _ = verify(results)
    assert status == 1
    assert re.search(r"^1 of \d{3,} scores differ by more than 1e-06$", text, flags=re.M)
    assert "pca_voxels, pooled: structure effective_rank" in text
    assert "(-0.2500" in text
    assert "NOT verified: 2 cells of 2 run again, scores not all within 1e-06" in text
    assert verify(results, "--tolerance", "0.3")[0] == 0
    assert verify(results, "--methods", "random_vectors")[0] == 0
    assert verify(results, "--cells", "1")[0] == 1


def test_a_score_that_was_hidden_or_left_out_is_found(tampered, verify):
    def hide(scores):
        row = scores.index[scores["value"].notna()][0]
        scores.loc[row, ["value", "note"]] = [math.nan, "no query"]
        return scores

    results = tampered(hide)
    assert verify(results)[0] == 1
    write_scores(pd.read_parquet(results / "scores.parquet").iloc[1:], results)
    status, text, _ = verify(results)
    assert status == 1
    assert "1 score in B alone, in runs that both have" in text


def test_what_differs_in_the_provenance_is_told(tampered, verify):
    def change(provenance):
        provenance["environment"]["libraries"]["numpy"] = "0.0.1"
        provenance["sweep"]["overrides"]["trainer.max_epochs"] = 2
        provenance["run_keys"]["pca_voxels, pooled, seed 7"] = "0" * 64
        provenance["run_key_parts"]["pca_voxels, pooled, seed 7"] |= {"source": "0" * 16, "versions": "0" * 16}

    status, text, _ = verify(tampered(provenance=change))
    assert status == 0
    assert "environment.libraries.numpy: 0.0.1 → " in text
    assert "run keys: 1 of 2 differ, in code and library versions: what can change embeddings is not all " in text


def test_keys_of_an_earlier_version_are_not_compared(tampered, verify):
    def change(provenance):
        del provenance["run_key_parts"]
        provenance["run_keys"] = dict.fromkeys(provenance["run_keys"], "0" * 64)

    status, text, _ = verify(tampered(provenance=change))
    assert status == 0
    assert "run keys: those of 2 cells were made by an earlier version" in text


def test_a_sweep_that_is_not_recorded_is_named_by_its_file(made, tampered, verify):
    results = tampered(provenance=lambda found: found.pop("sweep"))
    status, _, error = verify(results)
    assert (status, error) == (
        2,
        f"error: {results}/provenance.json: does not record the sweep; name its file with --config\n",
    )
    assert verify(results, "--config", made[0] / "smoke.yaml")[0] == 0


def test_a_recorded_sweep_that_cannot_be_run_is_named(tampered, verify):
    results = tampered(provenance=lambda found: found["sweep"]["evaluation"].update(colour="red"))
    status, _, error = verify(results)
    assert status == 2
    assert error.startswith(f"error: {results}/provenance.json: sweep: field 'evaluation.colour' is unknown; allowed:")
    assert error.count("\n") == 1


def say_elsewhere(found):
    found["sweep"]["phantom"]["out"] = "/elsewhere"


def say_above(found):
    found["sweep"]["overrides"]["data.cache_dir"] = "data/../../elsewhere"


def say_folder(found):
    found["sweep"]["overrides"]["trainer.default_root_dir"] = "/elsewhere"


def say_class(found):
    found["sweep"]["overrides"]["trainer.plugins"] = [{"class_path": "elsewhere.Plugin"}]


def say_model(found):
    found["sweep"]["overrides"]["model"] = "elsewhere.Model"


def say_method(found):
    found["sweep"]["methods"].append("theirs.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (say_elsewhere, "field 'phantom.out': '/elsewhere' is not run from results, which may be anybody's"),
        (say_above, "field 'data.cache_dir': 'data/../../elsewhere' is not run from results"),
        (say_folder, "field 'trainer.default_root_dir': '/elsewhere' is not run from results"),
        (say_class, "field 'overrides.trainer.plugins.class_path': 'elsewhere.Plugin' is not run from results"),
        (say_model, "field 'overrides.model': 'elsewhere.Model' is not run from results"),
        (say_method, "'theirs.yaml' is not run from results, which may be anybody's; allowed: the names of shipped"),
    ],
)
def test_what_a_stranger_s_results_must_not_do(tampered, verify, tmp_path, change, message):
    Path("theirs.yaml").write_text("model: {class_path: elsewhere.Model}\n")
    status, _, error = verify(tampered(provenance=change), out=tmp_path / "new")
    assert status == 2
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_nobody_is_told_of_a_stranger_s_results():
    watched = SweepConfig(
        methods=["seada"],
        seeds={"pooled": [1]},
        overrides={"trainer.logger": [{"class_path": "elsewhere.Logger"}], "trainer.max_epochs": 1},
        tracking=TrackingSettings(wandb=WandbSettings(project="theirs", mode="online")),
    )
    alone = sanitised(watched)
    assert alone.overrides == {"trainer.max_epochs": 1}
    assert alone.tracking == TrackingSettings()


# From here on the sweep is a stand-in that writes prescribed scores, so that its part can be looked at.

SITES = ("A", "B")
METHODS = ["seada", "pca_voxels", "random_vectors"]
SWEEP = SweepConfig(methods=METHODS, seeds={"pooled": [2, 1], "leave_one_site_out": [1]}, workers=1)


def scores_of(sweep):
    rows = [
        {
            "method": method, "protocol": protocol, "held_out_site": site, "seed": seed, "table": "structure",
            "metric": "effective_rank", "version": 1, "params": "", "subgroup": "", "value": 5.0 + seed, "n": 10,
            "note": "", "ci_low": math.nan, "ci_high": math.nan, "chance": math.nan, "higher_is_better": True,
        }
        for method in sweep.methods
        for protocol, seeds in sweep.seeds.items()
        for seed, site in product(seeds, SITES if protocol == "leave_one_site_out" else [""])
    ]  # fmt: skip
    return long_table(rows)


@pytest.fixture
def pretended(tmp_path, monkeypatch, capsys):
    """Results of three methods; a function that verifies them and returns status, output, error and sweeps run."""
    write_scores(scores_of(SWEEP), tmp_path / "results")
    (tmp_path / "results" / "provenance.json").write_text(json.dumps({"sweep": asdict(SWEEP)}, sort_keys=True))

    def run(*arguments, failures=(), out=tmp_path / "again", lacking=0):
        ran = []

        def stand_in(sweep, folder):
            ran.append(sweep)
            if len(scores_of(sweep)) > lacking:
                write_scores(scores_of(sweep).iloc[lacking:], folder)
            return [(SimpleNamespace(name=name), error) for name, error in failures]

        monkeypatch.setattr(benchmark.sweep.verify, "run_sweep", stand_in)
        status = main(["verify", str(tmp_path / "results"), "--out", str(out), *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err, ran

    return run


@pytest.mark.parametrize(
    ("arguments", "methods", "seeds", "cells"),
    [
        ((), METHODS, {"pooled": [2, 1], "leave_one_site_out": [1]}, 12),
        # Order: method, protocol, seed, held-out site.
        (("--cells", "1"), ["seada"], {"pooled": [1]}, 1),
        (("--cells", "2"), ["seada"], {"pooled": [2, 1]}, 2),
        # Both sites of a seed are run, for a sweep holds out each.
        (("--cells", "3"), ["seada"], {"pooled": [2, 1], "leave_one_site_out": [1]}, 4),
        (("--cells", "5"), ["seada", "pca_voxels"], {"pooled": [2, 1], "leave_one_site_out": [1]}, 8),
        (("--cells", "99"), METHODS, {"pooled": [2, 1], "leave_one_site_out": [1]}, 12),
        (("--methods", "pca_voxels", "--cells", "1"), ["pca_voxels"], {"pooled": [1]}, 1),
        (("--methods", "seada", "random_vectors", "--cells=2"), ["seada"], {"pooled": [2, 1]}, 2),
    ],
)
def test_the_part_of_the_sweep_that_is_run(pretended, tmp_path, arguments, methods, seeds, cells):
    status, text, _, (ran,) = pretended(*arguments)
    assert status == 0
    assert (ran.methods, ran.seeds) == (methods, seeds)
    assert (ran.evaluation, ran.workers) == (SWEEP.evaluation, 1)
    assert f"verified: {cells} cell{'s' if cells > 1 else ''} of 12 run again" in text
    assert yaml.safe_load((tmp_path / "again" / "verify.yaml").read_text())["methods"] == methods


def test_a_cell_that_fails_is_no_verification(pretended):
    failure = ("seada, pooled, seed 1", "out of memory")
    status, text, _, _ = pretended("--cells", "2", failures=[failure], lacking=1)
    assert status == 1
    assert "1 run in A alone:" in text
    assert "failed: seada, pooled, seed 1: out of memory" in text
    assert "NOT verified: 1 cell of 12 run again" in text


def test_what_an_earlier_call_wrote_is_not_taken_for_results_of_this_one(pretended):
    assert pretended()[0] == 0
    status, text, _, _ = pretended(failures=[("all", "died")], lacking=12)
    assert status == 1
    assert "NOT verified: 0 cells of 12 run again" in text


def test_cells_that_the_sweep_has_not(pretended, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("methods: [seada, pca_voxels]\nseeds: {pooled: [1, 2], leave_one_site_out: [1]}\n")
    status, _, error, ran = pretended("--config", str(other))
    assert (status, ran) == (2, [])
    assert (
        f"{tmp_path}/results: cell 'random_vectors, leave_one_site_out, seed 1' is not in the sweep; its methods: seada"
        in error
    )
    assert error.count("\n") == 1
    assert pretended("--config", str(other), "--methods", "seada")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cells", "0"), "--cells: 0 is not allowed; it must be at least 1"),
        (("--tolerance", "-1"), "--tolerance: -1.0 is not allowed; it must be at least 0"),
        (
            ("--methods", "dann"),
            "--methods: 'dann' has no cell in {results}; allowed: pca_voxels, random_vectors, seada",
        ),
        (("--config", "absent.yaml"), "absent.yaml: no such sweep file"),
    ],
)
def test_bad_options(pretended, tmp_path, arguments, message):
    status, _, error, ran = pretended(*arguments)
    assert (status, ran) == (2, [])
    assert error == f"error: {message.format(results=tmp_path / 'results')}\n"
    assert not (tmp_path / "again").exists()


def test_folders_that_are_not_written_to(pretended, tmp_path):
    before = contents(tmp_path / "results")
    for out in (tmp_path / "results", tmp_path / "results" / "again", tmp_path / "results" / ".." / "results"):
        status, _, error, ran = pretended(out=out)
        assert (status, ran) == (2, [])
        assert error == f"error: --out: {out} is in {tmp_path}/results, which is only read; name another folder\n"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    status, _, error, ran = pretended(out=tmp_path / "full")
    assert (status, ran) == (2, [])
    assert "full holds something else; name a new folder, or that of an earlier verify" in error
    assert contents(tmp_path / "results") == before


def test_the_folder_is_named_after_the_results(pretended, tmp_path, monkeypatch):
    pretended()
    (tmp_path / "results").rename(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert main(["verify", "mine"]) == 0
    assert (tmp_path / "results" / "verify-mine" / "verify.yaml").is_file()
    assert not (tmp_path / "mine" / "verify.yaml").exists()


def test_a_folder_without_results(tmp_path, capsys):
    assert main(["verify", str(tmp_path / "nothing"), "--out", str(tmp_path / "again")]) == 2
    assert "holds no scores.parquet" in capsys.readouterr().err

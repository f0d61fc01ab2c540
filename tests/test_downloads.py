"""From the downloads of all eight datasets to one table, by the commands that data_manifests/ names."""

from __future__ import annotations

import shlex

import pandas as pd
import pytest
import yaml

from benchmark.cli import main
from benchmark.configs import SWEEPS

pytestmark = [pytest.mark.needs("train", "import"), pytest.mark.slow]

ARCHIVES = ("adni", "oasis1", "oasis2", "oasis3", "oasis4", "ppmi")
SITES = ("ADNI1", "ADNI2", "ADNI3", "OASIS1", "OASIS2", "OASIS3", "OASIS4", "PPMI")
#: Heads of the phantom lie in template space already; registration is covered in tests/benchmark/prepare/preprocess.
FAST = ("--bias_correction", "false", "--registration", "none", "--brain", "none", "--processes", "1")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Folder with manifests and volumes of every archive, and what each command said."""
    folder = tmp_path_factory.mktemp("downloads")
    said: list[tuple[str, str]] = []

    def run(*arguments):
        with pytest.MonkeyPatch.context() as patch:
            words = []
            patch.setattr("sys.stdout.write", lambda text: words.append(text))
            status = main(list(map(str, arguments)))
        said.append((arguments[0], "".join(words)))
        assert status == 0, said[-1]
        return said[-1][1]

    for name in ARCHIVES:
        shown = run("phantom", "--layout", name, "--spacing", 10, "--out", folder / "raw" / name)
        _, *command = shlex.split(shown.splitlines()[1])
        run(*command[:-1], folder / "manifests")
    manifests = [folder / "manifests" / f"{site}.csv" for site in SITES]
    run("manifest", "check", "--manifests", *manifests, "--processes", 1)
    grid = ("--shape", "[16, 24, 16]", "--spacing", 10)
    run("preprocess", "--manifests", *manifests, "--out", folder / "prepared", *grid, *FAST)
    return folder, said


def test_nothing_is_lost_between_download_and_volumes(prepared):
    folder, said = prepared
    listed = {site: len(pd.read_csv(folder / "manifests" / f"{site}.csv")) for site in SITES}
    ready = {site: len(pd.read_csv(folder / "prepared" / f"{site}.csv")) for site in SITES}
    assert ready == listed
    assert min(ready.values()) >= 10
    checked = next(text for command, text in said if text.startswith(f"{sum(listed.values())} scans"))
    assert "0 scans cannot be used" in checked
    assert "leave-one-site-out protocol" in checked


def test_a_participant_of_several_phases_is_in_one_split(prepared):
    folder, _ = prepared
    scans = pd.concat([pd.read_csv(folder / "manifests" / f"{site}.csv") for site in SITES])
    sites = scans.groupby("subject_id")["site"].nunique()
    assert sites["ADNI_8902"] == 3


def test_all_eight_are_trained_on_and_scored_together(prepared, inside, tmp_path):
    folder, _ = prepared
    sweep = yaml.safe_load((SWEEPS / "smoke.yaml").read_text())
    del sweep["phantom"]
    sweep["methods"] = ["seada_balanced", "combat", "random_vectors"]
    sweep["overrides"] |= {
        "data.manifests": [str(folder / "prepared" / f"{site}.csv") for site in SITES],
        "data.data_root": None,
        "data.truth": None,
        "data.cache_dir": str(tmp_path / "cache"),
    }
    (tmp_path / "eight.yaml").write_text(yaml.safe_dump(sweep))
    out = tmp_path / "out"
    shown = inside("sweep", "--config", tmp_path / "eight.yaml", "--out", out).stdout
    assert "Leakage. Pooled" in shown
    scores = pd.read_parquet(out / "scores.parquet")
    assert set(scores["method"]) == {"seada_balanced", "combat", "random_vectors"}
    wide = pd.read_csv(out / "retrieval.csv")
    assert wide["map_cn_ad"].between(0, 1).all()
    embedded = pd.read_parquet(next(out.glob("runs/*/embeddings.parquet")))
    assert set(embedded["site"]) == set(SITES)
    assert "report.html" in inside("tables", out).stdout

"""A method from outside of the repository is checked, and swept beside shipped ones that are finished already."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
import yaml

from tests.conftest import smoke_sweep

METHOD = '''
"""Coarse means: a method of somebody else's, in a file of its own."""

import torch
from torch.nn import functional

from baselines.closed_form import ClosedForm


class CoarseMeans(ClosedForm):
    """Means over blocks of voxels, standardised by the training scans."""

    def __init__(self, blocks: int = 2) -> None:
        super().__init__()
        self.blocks = blocks

    def build(self, spec):
        self.register_buffer("mean", torch.zeros(self.blocks**3))
        self.register_buffer("scale", torch.ones(self.blocks**3))

    def fit_after_training(self, batches, unseen):
        values = torch.cat([self.means(batch) for batch in batches])
        self.mean, self.scale = values.mean(dim=0), values.std(dim=0).clamp_min(1e-6)

    def means(self, batch):
        return functional.adaptive_avg_pool3d(batch["volume"], self.blocks).flatten(1)

    def embed(self, batch):
        return (self.means(batch) - self.mean) / self.scale
'''
CONFIG = {
    "card": {"reference": "Somebody, Journal 2026", "uses": []},
    "model": {"class_path": "coarse_means.CoarseMeans", "init_args": {"blocks": 2}},
}
SHIPPED = ("pca_voxels", "random_vectors")


def files(runs):
    """Content and time of change of every file of finished runs."""
    found = (path for run in runs for path in run.rglob("*") if path.is_file())
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


@pytest.mark.slow
@pytest.mark.usefixtures("no_workers")
def test_a_method_of_somebody_else_s_gets_its_row_and_nothing_finished_is_done_again(
    phantom, tmp_path, inside, command, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PYTHONPATH", "")
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "coarse_means.py").write_text(METHOD)
    (theirs / "coarse_means.yaml").write_text(yaml.safe_dump(CONFIG))
    checked = inside("check-method", theirs / "coarse_means.yaml", "--processes=1")
    assert "every check passed" in checked.stdout

    sweep = smoke_sweep(phantom) | {"methods": list(SHIPPED), "phantom": None, "workers": 1}
    sweep["evaluation"] |= {"probes": ["knn"], "permutations": 0, "test_permutations": 0, "bootstrap": 10}
    (tmp_path / "shipped.yaml").write_text(yaml.safe_dump(sweep))
    sweep["methods"] = [*SHIPPED, str(theirs / "coarse_means.yaml")]
    (tmp_path / "with_theirs.yaml").write_text(yaml.safe_dump(sweep))

    out = tmp_path / "out"
    inside("sweep", "--config", tmp_path / "shipped.yaml", "--out", out)
    runs = sorted((out / "runs").iterdir())
    before = files(runs)
    assert sorted(path.name for path in before).count("run.json") == len(SHIPPED)
    # As a user does, with workers that know nothing of this process.
    command("sweep", "--config", tmp_path / "with_theirs.yaml", "--out", out, cwd=tmp_path)

    assert files(runs) == before
    assert len(list((out / "runs").iterdir())) == len(SHIPPED) + 1
    scores = pd.read_parquet(out / "scores.parquet")
    assert set(scores["method"]) == {*SHIPPED, "coarse_means"}
    assert scores.query("method == 'coarse_means' and metric == 'mAP' and subgroup == ''")["value"].notna().any()
    for table in ("retrieval", "leakage"):
        rows = [line.split("|")[1] for line in (out / f"{table}.md").read_text().splitlines() if line.startswith("|")]
        assert all(any(method in row for row in rows) for method in (*SHIPPED, "coarse_means"))

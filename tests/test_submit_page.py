"""The commands of docs/submit.md, run as they stand."""

from __future__ import annotations

import re
import runpy
import shlex

import pandas as pd
import pytest
import yaml

from benchmark.configs import SWEEPS
from benchmark.metrics.rows import COLUMNS
from benchmark.results.read import read_results
from tests.conftest import ROOT

pytestmark = [pytest.mark.needs("train"), pytest.mark.slow, pytest.mark.usefixtures("no_workers")]


PAGE = (ROOT / "docs" / "submit.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.S | re.M)


def commands():
    return [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]


def test_the_page_leads_from_a_task_to_a_row(tmp_path, monkeypatch, inside):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "embed.py").write_text(blocks("python")[0])
    (tmp_path / "card.yaml").write_text(blocks("yaml")[0])
    # As the shipped sweep, but for methods that train nothing: which others there are is no part of the task.
    sweep = yaml.safe_load((SWEEPS / "smoke.yaml").read_text()) | {"methods": ["pca_voxels", "random_vectors"]}
    (tmp_path / "smoke.yaml").write_text(yaml.safe_dump(sweep))
    given = commands()
    assert len(given) == 7
    said = {}
    for program, *arguments in given:
        if program == "python":
            runpy.run_path(arguments[0])
            continue
        assert program == "seada-bench"
        if arguments == ["sweep", "--config", "smoke"]:
            arguments = ["sweep", "--config", "smoke.yaml"]
        said[arguments[0]] = inside(*arguments).stdout
    assert "my_components" in said["submit"]
    assert "my_components minus each other method" in said["compare"]
    assert "my_components" in (tmp_path / "results" / "all" / "tables" / "report.html").read_text()
    assert "| my_components |" in (tmp_path / "results" / "all" / "retrieval.md").read_text()
    _suite_and_submission_agree(tmp_path, inside)


def _suite_and_submission_agree(folder, inside):
    """The suite's own vectors, submitted, get the suite's own scores, to the last digit."""
    runs = {
        path.parent: yaml.safe_load(path.read_text())["method"] for path in folder.glob("results/smoke/runs/*/run.json")
    }
    run = next(path for path, method in runs.items() if method == "pca_voxels")
    (folder / "again").mkdir()
    embeddings = pd.read_parquet(run / "embeddings.parquet")
    embeddings.to_parquet(folder / "again" / "pooled_7.parquet")
    inside("submit", "again", "--task", "smoke.yaml", "--card", "card.yaml", "--out", "results/again")
    mine, theirs = (read_results(folder / "results" / name).scores for name in ("again", "smoke"))
    theirs = theirs[theirs["method"] == "pca_voxels"]
    both = mine.drop(columns="method").merge(theirs, on=[name for name in mine if name not in ("method", *COLUMNS[4:])])
    assert len(both) == len(mine)
    for name in ("value", "n", "ci_low", "ci_high", "chance"):
        pd.testing.assert_series_equal(both[f"{name}_x"], both[f"{name}_y"], check_names=False, check_exact=True)
    assert {"retrieval", "leakage", "identity", "disease", "structure", "anatomy"} <= set(mine["table"])

"""Small tables of embeddings, and the command that scores them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.cli import main

#: As few refits as the settings allow: what is tested here is what is read.
QUICK = (
    "--evaluation.probes=[knn]",
    "--evaluation.permutations=0",
    "--evaluation.test_permutations=0",
    "--evaluation.inner_folds=0",
    "--evaluation.folds=2",
    "--evaluation.bootstrap=0",
)


@pytest.fixture
def table():
    """24 scans of 21 subjects at three sites, one of whom travelled to all of them, with five dimensions."""
    rng = np.random.default_rng(0)
    rows = [
        ("travels" if i == 0 else f"s{site}{i}", "1", f"site{site}", ("CN", "AD")[i % 2], 60.5 + i, "FM"[i // 4], site)
        for site in range(3)
        for i in range(8)
    ]
    names = ["subject_id", "session_id", "site", "diagnosis", "age", "sex", "tesla"]
    frame = pd.DataFrame(rows, columns=names)
    vectors = rng.normal(size=(len(frame), 5)).astype(np.float32)
    vectors += (frame["diagnosis"] == "AD").to_numpy()[:, None]
    return pd.concat([frame, pd.DataFrame(vectors, columns=[f"z{i}" for i in range(5)])], axis=1)


@pytest.fixture
def rows(table):
    """The table without its vectors."""
    return table.drop(columns=[f"z{i}" for i in range(5)])


@pytest.fixture
def vectors(table):
    """The vectors without their table, shape (24, 5), float32."""
    return table[[f"z{i}" for i in range(5)]].to_numpy()


@pytest.fixture
def manifests(rows, tmp_path):
    """Per-site manifests of the table's scans, and one scan more, whose images are not there."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    known = rows.drop(columns="tesla").assign(
        image=[f"images/{i}.nii.gz" for i in range(len(rows))], field_strength=1.5 + 1.5 * (rows["tesla"] > 0)
    )
    more = known.tail(1).assign(subject_id="absent", image="images/absent.nii.gz")
    paths = []
    for site, part in pd.concat([known, more]).groupby("site"):
        paths.append(folder / f"{site}.csv")
        part.to_csv(paths[-1], index=False)
    return paths


@pytest.fixture
def evaluate(capsys):
    """Run `seada-bench evaluate` with quick settings; its status and error text."""

    def run(*arguments):
        try:
            status = main(["evaluate", *map(str, arguments), *QUICK])
        except SystemExit as stop:
            status = stop.code
        return status, capsys.readouterr().err

    return run


@pytest.fixture
def scores_of(evaluate, tmp_path):
    """Scores of embeddings that must be usable, without the method's name."""

    def run(path, *arguments):
        out = tmp_path / f"out-{len(list(tmp_path.glob('out-*')))}"
        status, error = evaluate("--embeddings", path, "--out", out, *arguments)
        assert status == 0, error
        return pd.read_parquet(out / "scores.parquet").drop(columns="method")

    return run

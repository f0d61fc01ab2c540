"""What the page on embeddings says works, in its order, in an empty folder."""

from __future__ import annotations

import re
import shlex

import pandas as pd
import pytest

from tests.conftest import ROOT


def blocks(text):
    return re.findall(r"^```(python|text|)\n(.*?)^```", text, flags=re.S | re.M)


@pytest.mark.slow
def test_the_examples_of_the_page_work(tmp_path, monkeypatch, evaluate):
    pytest.importorskip("anndata")
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "embeddings.md").read_text(encoding="utf-8")
    commands, names = [], {}
    for kind, body in blocks(text):
        if kind == "python":
            exec(body, names)  # noqa: S102 (the page is ours)
        elif kind == "":
            commands += [shlex.split(line)[1:] for line in body.splitlines()]
    scans = names["scans"]
    renamed = {"subject_id": "person", "session_id": "visit", "site": "scanner", "diagnosis": "tau_positive"}
    flat = pd.read_csv("mine.csv").drop(columns=["age", "sex"]).rename(columns=renamed)
    flat.assign(tau_positive=(flat["tau_positive"] == "AD").astype(int)).to_csv("tau.csv", index=False)
    evaluations = [command[1:] for command in commands if command[0] == "evaluate"]
    assert len(evaluations) == 7
    for arguments in evaluations:
        status, error = evaluate(*arguments)
        assert status == 0, error
        scores = pd.read_parquet(tmp_path / arguments[arguments.index("--out") + 1] / "scores.parquet")
        assert len(set(scores["method"])) == (2 if "methods" in arguments else 1)
        assert scores.query("metric == 'mAP' and subgroup == ''")["n"].max() == len(scans)

"""What example retrievals of a results folder are made from."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd

from benchmark.embeddings.table import write_embeddings
from benchmark.sweep import examples as module
from benchmark.sweep.examples import example_inputs


def test_methods_that_declare_a_distance_are_ranked_by_it(tmp_path, monkeypatch):
    frame = pd.DataFrame(
        {"subject_id": ["a"], "session_id": ["1"], "site": ["A"], "diagnosis": ["CN"], "age": [70.0], "sex": ["F"]}
    ).assign(z0=1.0)
    for run, method, place in (("x", "common", "."), ("y", "own", "own-whitened"), ("y", "trained_alike", ".")):
        folder = tmp_path / "runs" / run
        (folder / place).mkdir(parents=True, exist_ok=True)
        marker = {"protocol": "pooled", "seed": 1, "method": method}
        (folder / place / "run.json").write_text(json.dumps(marker))
        (folder / "config.yaml").write_text("data: {}\n")
        write_embeddings(frame, folder / "embeddings.parquet")
    data = SimpleNamespace(scans=pd.DataFrame({"scan_key": ["A/a/1"]}), store=SimpleNamespace(volumes=np.ones((1, 2))))
    monkeypatch.setattr(module, "instantiate_data", lambda given: data)
    (found,) = example_inputs(tmp_path, ["own", "common"])
    assert list(found.embeddings) == ["own", "common", "trained_alike"]
    assert found.distances == {"own": "whitened"}
    assert found.volume_of("A/a/1").tolist() == [1.0, 1.0]

"""Results folders of this schema version, of the first, and of one to come."""

from __future__ import annotations

import json
import math

import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmark.data.parquet import write_parquet
from benchmark.errors import UserError
from benchmark.results.compare import compare
from benchmark.results.read import VERSION_KEY, read_provenance, read_results
from benchmark.results.schema import SCHEMA_VERSION, SCORE_COLUMNS
from benchmark.results.write import write_provenance, write_scores

RUN = {"method": "a", "protocol": "pooled", "held_out_site": "", "seed": 1}
BESIDE = {"subgroup": "", "n": 10, "ci_low": 0.4, "ci_high": 0.6, "chance": 0.5, "higher_is_better": True}
FIRST = pd.DataFrame(
    [
        RUN
        | {"table": "retrieval", "metric": "mAP", "version": 2, "params": "distance=cosine;gallery=other_sites"}
        | BESIDE
        | {"value": 0.5, "reason": ""},
        RUN
        | {"table": "structure", "metric": "effective_rank", "version": 1, "params": ""}
        | BESIDE
        | {"value": math.nan, "reason": "fewer than two scans"},
    ]
)


@pytest.fixture
def first(tmp_path):
    """A folder as the first schema version wrote it."""
    write_parquet(FIRST, tmp_path / "scores.parquet")
    sweep = {"methods": ["seada_balanced", "mine/a.yaml"]}
    (tmp_path / "provenance.json").write_text(json.dumps({"about": {"notes": ["n"]}, "sweep": sweep}))
    return tmp_path


def test_counts_of_cells_are_read_as_counts_of_runs(tmp_path):
    named = {"schema_version": 2, "cells": 3, "commits_of_cells": ["ab"], "seconds_of_all_cells": 1.5}
    (tmp_path / "provenance.json").write_text(json.dumps(named))
    expected = {"schema_version": 2, "runs": 3, "commits_of_runs": ["ab"], "seconds_of_all_runs": 1.5}
    assert read_provenance(tmp_path / "provenance.json") == expected


def test_a_folder_of_the_first_version_is_read_with_todays_columns(first):
    scores = read_results(first).scores
    assert set(SCORE_COLUMNS) <= set(scores)
    assert scores["distance"].tolist() == ["cosine", ""]
    assert scores["gallery"].tolist() == ["other_sites", ""]
    assert scores["note"].tolist() == ["", "fewer than two scans"]
    assert "params" not in scores


def test_order_of_methods_is_that_of_the_sweep(first):
    assert read_provenance(first / "provenance.json")["about"]["methods"] == ["seada_balanced", "a"]


def test_written_again_it_has_the_same_values(first, tmp_path):
    before = read_results(first)
    write_scores(before.scores, tmp_path / "now")
    write_provenance(before.provenance, tmp_path / "now")
    metadata = pq.read_schema(tmp_path / "now" / "scores.parquet").metadata
    assert metadata[VERSION_KEY] == str(SCHEMA_VERSION).encode()
    found = compare(before, read_results(tmp_path / "now"), tolerance=0.0)
    assert found.same
    assert len(found.values) == 2
    assert found.provenance == []


def test_csv_alone_gives_the_same(first, tmp_path):
    before = read_results(first)
    write_scores(before.scores, tmp_path / "now")
    (tmp_path / "now" / "scores.parquet").unlink()
    assert compare(before, read_results(tmp_path / "now"), tolerance=0.0).same


def test_a_later_version_is_refused(first):
    write_parquet(FIRST, first / "scores.parquet", {VERSION_KEY: b"99"})
    with pytest.raises(UserError, match="its schema version is 99, this seada-bench knows up to"):
        read_results(first)

"""The scores that a model carries are those that the tables have of its run, and of no other."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from benchmark.data.parquet import write_parquet
from benchmark.errors import UserError
from benchmark.search.scores import own_scores
from tests.conftest import ROOT

REFERENCE = ROOT / "results" / "reference"
PLACE = {"method": "combat", "protocol": "pooled", "held_out_site": "", "seed": 82}


@pytest.fixture(scope="module")
def marker():
    keys = json.loads((REFERENCE / "provenance.json").read_text())["run_keys"]
    return {**PLACE, "run_key": keys["combat, pooled, seed 82"]}


def expected():
    table = pd.read_parquet(REFERENCE / "scores.parquet").query("subgroup == '' and method == 'combat' and seed == 82")
    found = table.query(
        "metric == 'mAP' and gallery == 'other_sites' and label == 'CN/AD' and distance == 'cosine_centred'"
    )
    assert len(found) == 1
    return found.iloc[0]


def test_a_run_of_a_sweep_is_known_by_its_key(tmp_path, marker):
    found = own_scores(tmp_path, tmp_path / "none", marker, REFERENCE, synthetic=False)
    rows = {row["key"]: row for row in found["rows"]}
    assert found["synthetic"] is True
    assert len(rows) == len(found["rows"])
    for name in ("value", "chance", "ci_low", "ci_high", "n"):
        assert rows["map_cn_ad"][name] == expected()[name]
    assert rows["map_cn_ad"]["distance"] == "cosine_centred"
    assert rows["map_cn_ad"]["higher_is_better"] is True
    assert rows["linear_whitened"]["higher_is_better"] is False
    assert {"travelling_top1", "mlp_standardised", "effective_rank", "top1_common_mask"} <= set(rows)
    json.dumps(found, allow_nan=False)


def test_results_of_another_run_are_refused(tmp_path, marker):
    with pytest.raises(UserError, match=r"has no scores of this run \(combat, pooled, seed 82, key 0000"):
        own_scores(tmp_path, tmp_path / "none", {**marker, "run_key": "0" * 64}, REFERENCE, synthetic=True)


def test_the_scores_in_the_folder_of_a_sweeps_run_are_taken_without_being_named(tmp_path, marker):
    assert own_scores(tmp_path, tmp_path / "none", {}, None, synthetic=True) is None
    assert own_scores(tmp_path, tmp_path / "none", marker, None, synthetic=True) is None
    table = pd.read_parquet(REFERENCE / "scores.parquet").query("method == 'combat' and seed == 82")
    write_parquet(table, tmp_path / "scores.parquet", {b"seada_bench.schema_version": b"2"})
    found = own_scores(tmp_path, tmp_path / "none", marker, None, synthetic=True)
    of_results = own_scores(tmp_path, tmp_path / "none", marker, REFERENCE, synthetic=True)
    assert found == of_results

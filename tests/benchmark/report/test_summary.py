"""From cells to entries."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from benchmark.report.columns import CROSS_SITE_MAP
from benchmark.report.summary import sections


def test_mean_over_sites_first_then_over_seeds(scores):
    pooled, held_out = sections(scores, [CROSS_SITE_MAP], ["b", "a"])
    assert (pooled.protocol, pooled.seeds, pooled.sites) == ("pooled", 2, 1)
    assert list(pooled.entries) == ["b", "a"]
    entry = pooled.entries["a"]["map_cn_ad"]
    assert (entry.mean, entry.sd) == (pytest.approx(0.7), pytest.approx(math.sqrt(0.02)))
    # Seed 1: (0.1 + 0.3) / 2 = 0.2; seed 2: (0.4 + 0.6) / 2 = 0.5.
    entry = held_out.entries["a"]["map_cn_ad"]
    assert (entry.mean, entry.sd, entry.seeds, entry.cells) == (
        pytest.approx(0.35),
        pytest.approx(0.3 / math.sqrt(2)),
        2,
        4,
    )
    assert held_out.complete == {"b": 1, "a": 2}


def test_a_mean_with_a_missing_cell_is_missing(scores):
    pooled, held_out = sections(scores, [CROSS_SITE_MAP], None)
    undefined = pooled.entries["b"]["map_cn_ad"]
    assert math.isnan(undefined.mean)
    assert math.isnan(undefined.sd)
    assert undefined.undefined == {"no query": 1}
    absent = held_out.entries["b"]["map_cn_ad"]
    assert math.isnan(absent.mean)
    assert absent.undefined == {"no result": 1}


def test_method_without_scores_has_a_row_and_unnamed_ones_follow(scores):
    (pooled, _) = sections(scores, [CROSS_SITE_MAP], ["c", "b"])
    assert list(pooled.entries) == ["c", "b", "a"]
    assert pooled.entries["c"]["map_cn_ad"].undefined == {"no result": 2}
    assert pooled.complete == {"c": 0, "b": 2, "a": 2}


def test_other_distances_do_not_enter(scores, make_score):
    euclidean = make_score("a", 0.0, seed=1, params="distance=euclidean;gallery=other_sites;label=CN/AD")
    both = pd.concat([scores, pd.DataFrame([euclidean])], ignore_index=True)
    assert sections(both, [CROSS_SITE_MAP], None)[0].entries["a"]["map_cn_ad"].mean == pytest.approx(0.7)
    only = sections(pd.DataFrame([euclidean]), [CROSS_SITE_MAP], None)
    assert only[0].entries["a"]["map_cn_ad"].mean == 0.0


def test_two_rows_for_one_cell_are_an_error(scores, make_score):
    twice = pd.concat([scores, pd.DataFrame([make_score("a", 0.9, seed=1)])], ignore_index=True)
    with pytest.raises(ValueError, match="two rows for one cell and column"):
        sections(twice, [CROSS_SITE_MAP], None)

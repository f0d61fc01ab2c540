"""From runs to entries."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from benchmark.report.columns import CROSS_SITE_MAP, RETRIEVAL
from benchmark.report.summary import sections
from benchmark.results.schema import joined
from tests.tables import long_table


def test_mean_over_sites_first_then_over_seeds(scores):
    pooled, held_out = sections(scores, [CROSS_SITE_MAP], ["b", "a"])
    assert (pooled.protocol, pooled.seeds, pooled.sites) == ("pooled", 2, 1)
    assert list(pooled.entries) == ["b", "a"]
    entry = pooled.entries["a"]["map_cn_ad"]
    assert (entry.mean, entry.sd) == (pytest.approx(0.7), pytest.approx(math.sqrt(0.02)))
    # Seed 1: (0.1 + 0.3) / 2 = 0.2; seed 2: (0.4 + 0.6) / 2 = 0.5.
    entry = held_out.entries["a"]["map_cn_ad"]
    assert (entry.mean, entry.sd, entry.seeds, entry.runs) == (
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
    both = joined([scores, long_table([euclidean])])
    assert sections(both, [CROSS_SITE_MAP], None)[0].entries["a"]["map_cn_ad"].mean == pytest.approx(0.7)
    only = sections(long_table([euclidean]), [CROSS_SITE_MAP], None)
    assert only[0].entries["a"]["map_cn_ad"].mean == 0.0


def test_two_rows_for_one_cell_are_an_error(scores, make_score):
    twice = joined([scores, long_table([make_score("a", 0.9, seed=1)])])
    with pytest.raises(ValueError, match="two rows for one run and column"):
        sections(twice, [CROSS_SITE_MAP], None)


FAIRNESS = [column for column in RETRIEVAL if column.over_sites is not None]


def fairness_of(scores, protocol, method):
    (part,) = [part for part in sections(scores, FAIRNESS, None) if part.protocol == protocol]
    return part.entries[method]["map_worst_site"], part.entries[method]["map_site_range"]


def undefined(make_score, method, **place):
    reason = "fewer than two query sites"
    return [
        make_score(method, math.nan, metric=name, note=reason, **place) for name in ("mAP_worst_site", "mAP_site_range")
    ]


def test_the_worst_held_out_site_is_that_of_a_seed_then_mean_over_seeds(scores, make_score):
    rows = undefined(make_score, "a", protocol="leave_one_site_out", held_out_site="X", seed=1)
    worst, spread = fairness_of(joined([scores, long_table(rows)]), "leave_one_site_out", "a")
    # Seed 1: X 0.1, Y 0.3; seed 2: X 0.4, Y 0.6. Worst 0.1 and 0.4, ranges 0.2 and 0.2.
    assert (worst.mean, worst.sd) == (pytest.approx(0.25), pytest.approx(0.3 / math.sqrt(2)))
    assert (spread.mean, spread.sd) == (pytest.approx(0.2), pytest.approx(0))
    assert math.isnan(worst.chance)
    assert not worst.undefined


def test_the_worst_of_sites_of_which_one_is_missing_is_missing(scores):
    for found in fairness_of(scores, "leave_one_site_out", "b"):
        assert math.isnan(found.mean)
        assert found.undefined == {"no result": 1}


def test_one_held_out_site_has_no_worst(scores, make_score):
    place = {"protocol": "leave_one_site_out", "held_out_site": "X", "seed": 1}
    one = pd.DataFrame([make_score("a", 0.5, **place), *undefined(make_score, "a", **place)])
    for found in fairness_of(one, "leave_one_site_out", "a"):
        assert math.isnan(found.mean)
        assert found.undefined == {"fewer than two query sites": 1}


def test_pooled_fairness_is_the_scores_own(scores, make_score):
    rows = [make_score("a", value, seed=seed, metric="mAP_worst_site") for seed, value in ((1, 0.3), (2, 0.5))]
    worst, spread = fairness_of(joined([scores, long_table(rows)]), "pooled", "a")
    assert worst.mean == pytest.approx(0.4)
    assert spread.undefined == {"no result": 2}

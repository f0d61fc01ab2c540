"""The weighted score and its sensitivity to the weights."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.report.statistics.weighted import weighted_scores

MEASURED = {
    "map_cn_ad": ("retrieval", "mAP", True),
    "linear_standardised": ("leakage", "balanced_accuracy", False),
    "effective_rank": ("structure", "effective_rank", True),
}


def intervals(protocol="pooled", **methods):
    rows = [
        (protocol, key, *MEASURED[key][:2], method, value, MEASURED[key][2])
        for method, values in methods.items()
        for key, value in values.items()
    ]
    return pd.DataFrame(rows, columns=["protocol", "score", "table", "metric", "method", "value", "higher_is_better"])


def two(**methods):
    keys = ("map_cn_ad", "linear_standardised")
    return intervals(**{method: dict(zip(keys, values, strict=True)) for method, values in methods.items()})


def test_by_hand():
    table = weighted_scores(two(a=(0.6, 0.3), b=(0.7, 0.9)), {"map_cn_ad": 3, "linear_standardised": 1})
    # a: (3 0.6 + 1 0.7) / 4 = 0.625; b: (3 0.7 + 1 0.1) / 4 = 0.55.
    assert table["weighted"].tolist() == pytest.approx([0.625, 0.55])
    assert table["rank"].tolist() == [1, 2]
    assert table["ranked"].tolist() == [2, 2]


def test_only_ratios_of_weights_matter():
    given = two(a=(0.6, 0.3), b=(0.7, 0.9))
    one = weighted_scores(given, {"map_cn_ad": 3, "linear_standardised": 1})
    other = weighted_scores(given, {"linear_standardised": 10, "map_cn_ad": 30})
    pd.testing.assert_frame_equal(one, other)


def test_sensitivity_against_its_integral():
    # Oriented a = (1, 0), b = (0, 0.5), c = (0, 0.2): a is first where w > 0.5 (1 - w), so w > 1/3, which two thirds
    # of uniform weights are. c is never before b, but before a where w < 0.2 (1 - w).
    table = weighted_scores(
        two(a=(1.0, 1.0), b=(0.0, 0.5), c=(0.0, 0.8)), {"map_cn_ad": 1, "linear_standardised": 1}
    ).set_index("method")
    # Standard error of the share: sqrt(2/9 / 1,000) = 0.015.
    assert table["share_best"].tolist() == pytest.approx([2 / 3, 1 / 3, 0], abs=0.045)
    assert table[["rank_best", "rank_worst"]].to_numpy().tolist() == [[1, 3], [1, 2], [2, 3]]


def test_missing_part():
    table = weighted_scores(
        two(a=(0.6, 0.3), b=(0.9, math.nan), c=(0.5, 0.3)), {"map_cn_ad": 1, "linear_standardised": 1}
    ).set_index("method")
    assert table.loc["b", ["weighted", "rank", "share_best", "rank_best"]].isna().all()
    assert table["note"].tolist() == ["", "missing: linear_standardised", ""]
    assert table.loc[["a", "c"], ["rank", "share_best"]].to_numpy().tolist() == [[1, 1], [2, 0]]


def test_each_protocol_alone():
    both = pd.concat([two(a=(0.6, 0.3)), intervals("leave_one_site_out", a={"map_cn_ad": 0.5})])
    table = weighted_scores(both, {"map_cn_ad": 1, "linear_standardised": 1}).set_index("protocol")
    assert table.loc["pooled", "weighted"] == pytest.approx(0.65)
    assert table.loc["leave_one_site_out", "note"] == "missing: linear_standardised"


def test_order_of_rows():
    given = two(a=(0.6, 0.3), b=(0.7, 0.9), c=(0.2, 0.2))
    weights = {"map_cn_ad": 1, "linear_standardised": 2}
    shuffled = given.sample(frac=1, random_state=np.random.RandomState(0))
    pd.testing.assert_frame_equal(weighted_scores(given, weights), weighted_scores(shuffled, weights))


@pytest.mark.parametrize("rank", [1.0, 5.0])
def test_unbounded_score(rank):
    given = intervals(a={"map_cn_ad": 0.5, "effective_rank": rank})
    with pytest.raises(UserError, match=r"'effective_rank' is not bounded in \[0, 1\]"):
        weighted_scores(given, {"map_cn_ad": 1, "effective_rank": 1})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "none given"),
        ({"mAP": 1}, "no column 'mAP'; columns with scores: linear_standardised, map_cn_ad"),
        ({"map_cn_ad": 0}, "0 for 'map_cn_ad' is not allowed"),
        ({"map_cn_ad": math.inf}, "inf for 'map_cn_ad' is not allowed"),
    ],
)
def test_what_is_not_allowed(weights, message):
    with pytest.raises(UserError, match=message):
        weighted_scores(two(a=(0.6, 0.3)), weights)

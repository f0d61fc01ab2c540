"""All statistics of a table of replicates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.report.columns import LEAKAGE, RETRIEVAL
from benchmark.report.statistics.bounds import is_bounded
from benchmark.report.statistics.settings import StatisticsSettings
from benchmark.report.statistics.summary import statistics

COLUMNS = (*RETRIEVAL, *LEAKAGE)
TABLES = ("intervals", "comparisons", "ranks", "detectable")


@pytest.fixture
def found(replicates):
    return statistics(replicates, COLUMNS, SETTINGS)


SETTINGS = StatisticsSettings(resamples=200, reference="a", primary_scores=("map_cn_ad", "linear_standardised"))


def test_tables_have_the_rows_they_should(found):
    # Three methods; two scores pooled and one leaving a site out.
    assert [len(getattr(found, name)) for name in TABLES] == [9, 9, 9, 3]
    pooled = found.intervals[found.intervals["protocol"] == "pooled"].set_index(["score", "method"])
    assert set(pooled.loc["map_cn_ad", "covers"]) == {"subjects and seeds"}
    assert set(pooled.loc["linear_standardised", "covers"]) == {"seeds"}
    assert found.ranks.loc[found.ranks["score"] == "linear_standardised", "rank"].tolist() == [1, 2, 3]


def test_values_are_means_over_seeds_of_means_over_sites(found, replicates):
    shown = found.intervals.set_index(["protocol", "score", "method"])["value"]
    runs = replicates[(replicates["protocol"] == "leave_one_site_out") & (replicates["method"] == "a")]
    assert shown["leave_one_site_out", "map_cn_ad", "a"] == pytest.approx(runs.groupby("seed")["value"].mean().mean())


def test_missing_cell_is_missing_everywhere(found):
    reason = "1 of 4 runs: no result"
    held_out = found.intervals[found.intervals["protocol"] == "leave_one_site_out"]
    gap = held_out.set_index("method").loc["c"]
    assert gap[["value", "ci_low", "ci_high"]].isna().all()
    assert (gap["note"], gap["covers"]) == (reason, "")
    pairs = found.comparisons[found.comparisons["protocol"] == "leave_one_site_out"].set_index(["method_a", "method_b"])
    assert pairs["difference"].isna().tolist() == [False, True, True]
    assert pairs["note"].tolist() == ["", f"c: {reason}", f"c: {reason}"]


def test_order_of_rows_has_no_effect(replicates, found):
    shuffled = statistics(
        replicates.sample(frac=1, random_state=1)[list(replicates.columns[::-1])],
        COLUMNS,
        SETTINGS,
    )
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(found, name), getattr(shuffled, name), check_exact=True)


def test_names_of_methods_have_no_effect(replicates, found):
    names = {"a": "z", "b": "y", "c": "x"}
    renamed = statistics(
        replicates.assign(method=replicates["method"].map(names)), COLUMNS, replace(SETTINGS, reference="z")
    )
    key = ["protocol", "score", "method"]
    for name in ("intervals", "ranks"):
        before = getattr(found, name).replace({"method": names}).sort_values(key, ignore_index=True)
        after = getattr(renamed, name).sort_values(key, ignore_index=True)
        pd.testing.assert_frame_equal(before, after)
    back = {new: old for old, new in names.items()}
    pairs = []
    for table in (found.comparisons, renamed.comparisons.replace({"method_a": back, "method_b": back})):
        # The pair of the two that are no reference is turned round by the alphabet.
        first = table[["method_a", "method_b"]].min(axis=1)
        sign = np.where(first == table["method_a"], 1, -1)
        turned = table.assign(first=first, second=table[["method_a", "method_b"]].max(axis=1))
        turned["difference"] = sign * table["difference"]
        pairs.append(turned.sort_values(["protocol", "score", "first", "second"], ignore_index=True))
    before, after = pairs
    assert before["difference"].to_numpy() == pytest.approx(after["difference"].to_numpy(), nan_ok=True)
    assert before["p_holm"].to_numpy() == pytest.approx(after["p_holm"].to_numpy(), nan_ok=True)


def test_survives_parquet(replicates, found, tmp_path):
    stored = replicates.assign(replicates=[each.tolist() for each in replicates["replicates"]])
    stored.to_parquet(tmp_path / "replicates.parquet")
    again = statistics(pd.read_parquet(tmp_path / "replicates.parquet"), COLUMNS, SETTINGS)
    pd.testing.assert_frame_equal(found.intervals, again.intervals)


def test_other_seed_other_intervals(replicates, found):
    other = statistics(replicates, COLUMNS, replace(SETTINGS, seed=1)).intervals
    assert (found.intervals["value"].dropna() == other["value"].dropna()).all()
    assert (found.intervals["ci_low"].dropna() != other["ci_low"].dropna()).any()


def test_empty_table(replicates):
    found = statistics(replicates.iloc[:0], COLUMNS)
    assert all(len(getattr(found, name)) == 0 for name in TABLES)


def test_one_method(replicates):
    found = statistics(replicates[replicates["method"] == "a"], COLUMNS)
    assert len(found.comparisons) == 0
    assert found.ranks["rank"].tolist() == [1.0] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resamples": 1}, "resamples: 1 is not allowed"),
        ({"seed": -1}, "seed: -1 is not allowed"),
    ],
)
def test_settings(changes, message):
    with pytest.raises(UserError, match=message):
        StatisticsSettings(**changes)


def test_reference(replicates):
    found = statistics(replicates, COLUMNS, StatisticsSettings(resamples=50, reference="b"))
    assert set(found.comparisons.loc[found.comparisons["kind"] == "primary", "method_a"]) == {"b"}


def test_n_counts_scans_once(row, frame):
    # Of two held-out sites each has its own queries; the scans that a probe reads are the same for both.
    leakage = {"table": "leakage", "metric": "balanced_accuracy", "params": "coordinates=standardised;probe=linear"}
    rows = [
        row(method, 0.5, protocol="leave_one_site_out", held_out_site=site, n=n, **more)
        for method in "ab"
        for site in ("X", "Y")
        for n, more in ((10, {}), (20, leakage))
    ]
    intervals = statistics(frame(rows), COLUMNS).intervals.set_index("score")
    assert set(intervals.loc["map_cn_ad", "n"]) == {20}
    assert set(intervals.loc["linear_standardised", "n"]) == {20}


def test_bounds_are_those_that_metrics_declare():
    shown = {column.key: is_bounded(column.table, column.metric) for column in COLUMNS}
    assert shown["map_cn_ad"]
    assert shown["linear_standardised"]
    assert shown["pc1_share"]
    assert not shown["effective_rank"]
    assert not is_bounded("retrieval", "unknown")

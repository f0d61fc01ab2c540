"""Summaries of every metric at once."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchmark.report.page.aggregate import WHAT, aggregate, only_keys, span
from benchmark.report.summary import entries_of, places_of
from benchmark.results.schema import SCORE_COLUMNS, with_parameters
from tests.tables import long_table


def random_scores(make_score, seed):
    """Two protocols, methods, sites and metrics, three seeds; some rows absent, some undefined."""
    draw = np.random.default_rng(seed)
    rows = [
        make_score(
            method,
            math.nan if undefined else draw.normal(),
            protocol,
            site,
            run,
            metric=metric,
            subgroup=subgroup,
            note="why" if undefined else "",
            chance=draw.choice([math.nan, 0.5, 0.3]),
        )
        for method in "ab"
        for protocol in ("pooled", "leave_one_site_out")
        for site in (("",) if protocol == "pooled" else ("X", "Y"))
        for run in (1, 2, 3)
        for metric in ("mAP", "P@1")
        for subgroup in ("", "query_site=X")
        if draw.random() > 0.1
        for undefined in [draw.random() < 0.05]
    ]
    return long_table(rows)


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_the_entries_of_the_wide_tables(make_score, seed):
    scores = with_parameters(random_scores(make_score, seed))
    found = aggregate(scores.sample(frac=1, random_state=seed))
    assert len(found) == len(scores[[*WHAT, "method"]].drop_duplicates())
    finite = 0
    for row in found.itertuples():
        same = np.logical_and.reduce([scores[name] == getattr(row, name) for name in WHAT])
        (expected,) = entries_of(
            scores[same & (scores["method"] == row.method)], [row.method], places_of(scores[same]), np.mean
        )
        assert (row.mean, row.sd, row.chance) == pytest.approx(
            (expected.mean, expected.sd, expected.chance), nan_ok=True
        )
        assert row.runs == expected.runs
        assert (row.note == "") == (not expected.undefined and not expected.left_out)
        finite += math.isfinite(row.mean)
    assert 0 < finite < len(found)


def test_by_hand(make_score):
    rows = [
        make_score("a", 0.2, "leave_one_site_out", "X", 1, n=10, ci_low=0.1, ci_high=0.3),
        make_score("a", 0.4, "leave_one_site_out", "Y", 1, n=12, ci_low=0.3, ci_high=0.7),
        make_score("a", 0.5, "leave_one_site_out", "X", 2, n=10, ci_low=0.4, ci_high=0.6),
        make_score("a", 0.7, "leave_one_site_out", "Y", 2, n=12, ci_low=0.6, ci_high=0.8),
    ]
    (row,) = aggregate(long_table(rows)).itertuples()
    # Seeds 0.3 and 0.6: mean 0.45, SD 0.3 / √2. Ends: (0.1 + 0.3 + 0.4 + 0.6) / 4 and (0.3 + 0.7 + 0.6 + 0.8) / 4.
    assert (row.mean, row.sd, row.ci_low, row.ci_high) == pytest.approx((0.45, 0.3 / math.sqrt(2), 0.35, 0.6))
    assert (row.runs, row.n_low, row.n_high, row.higher, row.note) == (4, 10, 12, True, "")


def test_missing_cells_and_reasons(make_score):
    rows = [
        make_score("a", 0.2, seed=1, ci_low=0.1, ci_high=0.3),
        make_score("a", 0.4, seed=2, ci_low=0.1),
        make_score("b", math.nan, seed=1, note="no query"),
        make_score("c", math.inf, seed=1, higher_is_better=False),
        make_score("c", 0.1, seed=2, note="without X", higher_is_better=True),
    ]
    found = aggregate(long_table(rows)).set_index("method")
    assert found.loc["b", "note"] == "1 of 2 runs: no query; 1 of 2 runs: no result"
    assert found.loc["c", "note"] == "1 of 2 runs: undefined; 1 of 2 runs: without X"
    assert found.loc[["b", "c"], ["mean", "sd"]].isna().all(axis=None)
    assert found.loc["a", ["ci_low", "ci_high"]].tolist() == pytest.approx([0.1, math.nan], nan_ok=True)
    assert pd.isna(found.loc["c", "higher"])


def test_nothing():
    assert aggregate(pd.DataFrame(columns=list(SCORE_COLUMNS))).empty


def test_keys_and_ranges():
    assert only_keys("gallery_site=a=b;query_site=c") == {"gallery_site": "a=b", "query_site": "c"}
    assert only_keys("odd") == {"subgroup": "odd"}
    assert [span(1, 3), span(2, 2), span(math.nan, 2)] == ["1–3", "2", ""]

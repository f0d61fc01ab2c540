"""From the table of replicates to arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, RETRIEVAL
from benchmark.report.statistics.runs import score_runs


def loso(row, method, site, seed, value, replicates, **changes):
    return row(method, value, "leave_one_site_out", site, seed, replicates, **changes)


def test_mean_over_sites_by_hand(row, frame):
    rows = [
        loso(row, "a", "X", 1, 0.2, [0.1, 0.3]),
        loso(row, "a", "Y", 1, 0.4, [0.5, 0.5], n=7),
        loso(row, "b", "X", 1, 0.6, [0.6, 0.8]),
        loso(row, "b", "Y", 1, 0.8, [1.0, 0.4], n=5),
    ]
    (found,) = score_runs(frame(rows), [CROSS_SITE_MAP])
    assert (found.methods, found.seeds, found.sites) == (("a", "b"), (1,), 2)
    # (0.2 + 0.4) / 2 and (0.6 + 0.8) / 2; resample by resample (0.1 + 0.5) / 2, (0.3 + 0.5) / 2, ...
    assert found.value == pytest.approx(np.array([[0.3], [0.7]]))
    assert found.replicates[0] == pytest.approx(np.array([[0.3, 0.4], [0.8, 0.6]]), abs=1e-7)
    assert found.n.tolist() == [17, 15]
    assert found.reason == ("", "")


def test_a_missing_cell_leaves_a_gap(row, frame):
    rows = [
        loso(row, "a", "X", 1, 0.2, [0.1, 0.3]),
        loso(row, "a", "Y", 1, 0.4, [0.5, 0.5]),
        loso(row, "b", "X", 1, 0.9, [0.9, 0.9]),
        loso(row, "c", "X", 1, 0.9, [0.9, 0.9]),
        loso(row, "c", "Y", 1, math.nan, [math.nan, math.nan], note="no query", n=0),
    ]
    (found,) = score_runs(frame(rows), [CROSS_SITE_MAP])
    assert np.isnan(found.value[:, 0]).tolist() == [False, True, True]
    assert np.isnan(found.replicates[0]).all(axis=1).tolist() == [False, True, True]
    assert found.complete.tolist() == [True, False, False]
    assert found.reason == ("", "1 of 2 runs: no result", "1 of 2 runs: no query")


def test_a_cell_that_only_another_score_has_is_still_missing(row, frame):
    rank = {"table": "structure", "metric": "effective_rank", "params": ""}
    rows = [row("a", 0.5, seed=1), row("a", 3.0, seed=1, **rank), row("a", 3.0, seed=2, **rank)]
    found = {each.score: each for each in score_runs(frame(rows), [*RETRIEVAL, *LEAKAGE])}
    assert set(found) == {"map_cn_ad", "effective_rank"}
    assert found["map_cn_ad"].reason == ("1 of 2 runs: no result",)
    assert found["effective_rank"].complete.all()


def test_protocols_and_columns_in_table_order_once(replicates):
    found = [(each.protocol, each.score) for each in score_runs(replicates, [*RETRIEVAL, *LEAKAGE])]
    assert found == [
        ("pooled", "map_cn_ad"),
        ("pooled", "linear_standardised"),
        ("leave_one_site_out", "map_cn_ad"),
    ]


def test_cells_that_cannot_be_paired(row, frame):
    rows = [row("a", 0.5, replicates=[0.5] * 4), row("b", 0.5, replicates=[0.5] * 3)]
    with pytest.raises(UserError, match="method 'b' has 3 resamples for seed 0, another run 4"):
        list(score_runs(frame(rows), [CROSS_SITE_MAP]))


def test_missing_column(replicates):
    with pytest.raises(UserError, match="column 'note' is missing"):
        list(score_runs(replicates.drop(columns="note"), [CROSS_SITE_MAP]))


def test_two_rows_for_a_cell(row, frame):
    with pytest.raises(ValueError, match="two rows for one run"):
        list(score_runs(frame([row("a", 0.5), row("a", 0.6)]), [CROSS_SITE_MAP]))


def test_two_directions(row, frame):
    rows = [row("a", 0.5), row("b", 0.6, higher_is_better=False)]
    with pytest.raises(ValueError, match="better high in some rows and low in others"):
        list(score_runs(frame(rows), [CROSS_SITE_MAP]))

"""Matrices of differences between methods."""

from __future__ import annotations

import math

import pandas as pd

from benchmark.report.page.comparisons import comparison_grids


def test_row_minus_column_with_a_star_where_told_apart():
    names = ["protocol", "score", "method_a", "method_b", "difference", "told_apart"]
    rows = [
        ("pooled", "map_cn_ad", "x", "y", 0.1, True),
        ("pooled", "map_cn_ad", "x", "z", math.nan, False),
        ("pooled", "map_cn_ad", "y", "z", -0.02, False),
    ]
    (grid,) = comparison_grids(pd.DataFrame(rows, columns=names), ["z", "y", "x"], "F/M")
    assert grid.caption == "mAP F/M, pooled: row minus column"
    # `difference` is that of the second from the first: y is 0.1 above x.
    assert [[cell.text for cell in row] for row in grid.rows] == [
        ["z", "", "-0.020", "–"],
        ["y", "+0.020", "", "+0.100*"],
        ["x", "–", "-0.100*", ""],
    ]
    assert comparison_grids(None, ["x"], "CN/AD") == []

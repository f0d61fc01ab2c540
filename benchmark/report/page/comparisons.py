"""Differences of every two methods, as a matrix per protocol and score."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from benchmark.report.columns import HEADLINES, with_labels
from benchmark.report.grid import Cell, Grid, Header, number
from benchmark.report.summary import in_order, known_first


def comparison_grids(comparisons: pd.DataFrame | None, methods: Sequence[str], pair: str) -> list[Grid]:
    """The row's method minus the column's, with a star where the tests tell the two apart.

    Parameters
    ----------
    comparisons
        Differences of the statistics (:func:`benchmark.report.statistics.paired.comparisons`); None for none.
    methods
        In table order.
    pair
        The two labels that headings name (:func:`benchmark.report.columns.pair_of`).
    """
    if comparisons is None:
        return []
    columns = {column.key: column for column in with_labels(HEADLINES, pair)}
    made: list[Grid] = []
    for protocol in known_first(comparisons["protocol"]):
        of_protocol = comparisons[comparisons["protocol"] == protocol]
        for score in in_order(of_protocol["score"], columns):
            rows = of_protocol[of_protocol["score"] == score].to_dict("records")
            there = in_order({row[end] for row in rows for end in ("method_a", "method_b")}, methods)
            digits = columns[score].digits if score in columns else 3
            cells = {}
            for row in rows:
                for sign, ends in ((-1, ("method_a", "method_b")), (1, ("method_b", "method_a"))):
                    cells[row[ends[0]], row[ends[1]]] = _cell(sign * row["difference"], digits, row["told_apart"])
            body = [[Cell(one), *(cells.get((one, other), Cell("")) for other in there)] for one in there]
            heading = columns[score].heading if score in columns else score
            caption = f"{heading}, {protocol}: row minus column"
            made.append(Grid(f"differences-{len(made) + 1}", caption, [Header("method"), *map(Header, there)], body))
    return made


def _cell(difference: float, digits: int, apart: bool) -> Cell:
    if not math.isfinite(difference):
        return number(math.nan)
    return Cell(f"{difference:+.{digits}f}{'*' if apart else ''}", value=difference)

"""Leakage against retrieval: what a method gives up of one for the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, Column, pair_of, with_labels
from benchmark.report.page.aggregate import aggregate, in_order
from benchmark.report.page.grid import Cell, Grid, Header, number
from benchmark.report.page.pareto_figure import Measured, Point, pareto_svg
from benchmark.report.page.wide import REFERENCE_ROWS
from benchmark.report.summary import known_first

#: Key of the leakage column that is plotted.
LEAKAGE_KEY = "mlp_standardised"

SECOND = {"sd": "± SD over seeds", "interval": "95 % interval", "none": "no interval"}


@dataclass(frozen=True)
class Pareto:
    """The plot of a protocol.

    Attributes
    ----------
    protocol
        Its name.
    svg
        SVG element; empty where no method has both values.
    intervals
        What the bars of leakage and of retrieval are.
    absent
        Methods without one of the values.
    grid
        The plotted numbers.
    """

    protocol: str
    svg: str
    intervals: tuple[str, str]
    absent: Sequence[str]
    grid: Grid


def pareto_plots(scores: pd.DataFrame, methods: Sequence[str], leakage_key: str = LEAKAGE_KEY) -> list[Pareto]:
    """One plot per protocol of a leakage column against cross-site mAP CN/AD.

    Parameters
    ----------
    scores
        Long score table.
    methods
        In table order.
    leakage_key
        Key of a leakage column.

    Notes
    -----
    The bars of an axis are ± one SD over seeds where every method has one, otherwise the means over cells of the
    ends of their 95 % intervals where every cell has them, which is wider than an interval of the mean.
    """
    column = next(each for each in LEAKAGE if each.key == leakage_key)
    overall = scores[scores["subgroup"] == ""]
    # The parameters of the methods' rows may differ beyond what the column asks for.
    (retrieval_column,) = with_labels([CROSS_SITE_MAP], pair_of(overall))
    columns = column, retrieval_column
    both = [aggregate(each.rows(overall).assign(params="")) for each in columns]
    plots = []
    for place, protocol in enumerate(known_first(overall["protocol"]), start=1):
        leakage, retrieval = (each[each["protocol"] == protocol] for each in both)
        plots.append(_plot(place, protocol, columns, leakage, retrieval, in_order(overall["method"], methods)))
    return plots


def undominated(values: Mapping[str, tuple[float, float]]) -> set[str]:
    """Names whose (leakage, retrieval) nobody else beats: at most as much leakage and at least as much retrieval.

    Two that are equal in both do not beat each other.
    """
    return {
        name
        for name, (leakage, retrieval) in values.items()
        if not any(
            other_leakage <= leakage
            and other_retrieval >= retrieval
            and (other_leakage, other_retrieval) != (leakage, retrieval)
            for other_leakage, other_retrieval in values.values()
        )
    }


def _plot(
    place: int,
    protocol: str,
    columns: tuple[Column, Column],
    leakage: pd.DataFrame,
    retrieval: pd.DataFrame,
    methods: Sequence[str],
) -> Pareto:
    kinds = _kind(leakage), _kind(retrieval)
    left, right = _by_method(leakage, kinds[0]), _by_method(retrieval, kinds[1])
    measured = {method: (left[method], right[method]) for method in methods if method in left and method in right}
    measured = {method: pair for method, pair in measured.items() if all(math.isfinite(each.value) for each in pair)}
    best = undominated(
        {name: (pair[0].value, pair[1].value) for name, pair in measured.items() if name not in REFERENCE_ROWS}
    )
    points = [Point(name, *pair, name in best, REFERENCE_ROWS.get(name, "")) for name, pair in measured.items()]
    chance = float(leakage["chance"].mean()), float(retrieval["chance"].mean())
    return Pareto(
        protocol,
        pareto_svg(points, columns, chance, f"pareto {place}") if points else "",
        (SECOND[kinds[0]], SECOND[kinds[1]]),
        [method for method in methods if method not in measured],
        _grid(f"pareto-{place}", points, columns),
    )


def _kind(rows: pd.DataFrame) -> str:
    there = rows[rows["mean"].notna()]
    if len(there) and there["sd"].notna().all():
        return "sd"
    return "interval" if len(there) and there[["ci_low", "ci_high"]].notna().all(axis=None) else "none"


def _by_method(rows: pd.DataFrame, kind: str) -> dict[str, Measured]:
    return {row["method"]: _measured(row, kind) for row in rows.to_dict("records")}


def _measured(row: dict[Any, Any], kind: str) -> Measured:
    ends = {
        "sd": (row["mean"] - row["sd"], row["mean"] + row["sd"]),
        "interval": (row["ci_low"], row["ci_high"]),
        "none": (math.nan, math.nan),
    }[kind]
    return Measured(float(row["mean"]), float(ends[0]), float(ends[1]))


def _grid(identifier: str, points: Sequence[Point], columns: tuple[Column, Column]) -> Grid:
    headers = [
        Header("method"),
        Header(columns[0].heading, False),
        Header("from"),
        Header("to"),
        Header(columns[1].heading, True),
        Header("from"),
        Header("to"),
        Header("note"),
    ]
    rows = []
    for point in points:
        pair = (point.leakage, point.retrieval)
        numbers = [number(value) for each in pair for value in (each.value, each.low, each.high)]
        rows.append(
            [Cell(point.method), *numbers, Cell(point.role or ("non-dominated" if point.undominated else "dominated"))]
        )
    return Grid(identifier, "The plotted numbers", headers, rows)

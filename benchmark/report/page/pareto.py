"""Leakage against retrieval: what a method gives up of one for the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from benchmark.errors import UserError
from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, Column, pair_of, with_labels
from benchmark.report.page.aggregate import aggregate, in_order
from benchmark.report.page.grid import Cell, Grid, Header, number
from benchmark.report.page.pareto_figure import Measured, Point, in_print, pareto_figure, pareto_svg
from benchmark.report.summary import known_first
from benchmark.results.schema import parameters_of

#: Keys of the leakage columns that are plotted: an LDR can hide a site in directions that standardising keeps small.
LEAKAGE_KEYS = ("mlp_standardised", "mlp_whitened")

#: What bars are where the statistics hold no interval.
SECOND = {
    "sd": "± SD over seeds",
    "interval": "mean over cells of the ends of their 95 % intervals, wider than an interval of the mean",
    "none": "none",
}


@dataclass(frozen=True)
class Pareto:
    """The plot of a protocol and a leakage column.

    Attributes
    ----------
    protocol
        Its name.
    leakage
        Heading of the leakage column.
    svg
        SVG element; empty where no method has both values.
    intervals
        What the bars of leakage and of retrieval are.
    barless
        Drawn methods that lack a bar in an axis where others have one.
    absent
        Methods without one of the values.
    grid
        The plotted numbers.
    """

    protocol: str
    leakage: str
    svg: str
    intervals: tuple[str, str]
    barless: Sequence[str]
    absent: Sequence[str]
    grid: Grid


def pareto_plots(
    scores: pd.DataFrame,
    methods: Sequence[str],
    leakage_keys: Sequence[str] = LEAKAGE_KEYS,
    intervals: pd.DataFrame | None = None,
    bounds: Mapping[str, str] | None = None,
) -> list[Pareto]:
    """Leakage columns against cross-site mAP CN/AD, a plot per protocol and column.

    Parameters
    ----------
    scores
        Long score table.
    methods
        In table order.
    leakage_keys
        Keys of leakage columns; of those that no score belongs to, the first alone is plotted, to name what is absent.
    intervals
        Intervals of the statistics between methods
        (:func:`benchmark.report.statistics.intervals.interval_rows`), None where there are none.
    bounds
        Methods that do not compete, ``floor`` or ``ceiling`` by name.

    Notes
    -----
    The bars of an axis are the statistics' 95 % intervals where there are any for its protocol and score: over
    subjects and seeds, as their ``covers`` says. Floor and ceiling, which are in no statistics, then have none.
    Without statistics the bars are ± one SD over seeds where every method has one, otherwise the means over cells of
    the ends of their 95 % intervals where every cell has them.
    """
    overall = scores[scores["subgroup"] == ""]
    # The parameters of the methods' rows may differ beyond what the column asks for.
    (retrieval_column,) = with_labels([CROSS_SITE_MAP], pair_of(overall))
    by_key = {each.key: each for each in LEAKAGE}
    leakages = [by_key[key] for key in leakage_keys]
    shown = [column for column in leakages if len(column.rows(overall))] or leakages[:1]
    both = {each.key: _aggregated(each.rows(overall)) for each in (*shown, retrieval_column)}
    order = in_order(overall["method"], methods)
    plots: list[Pareto] = []
    for protocol in known_first(overall["protocol"]):
        for column in shown:
            axes = [
                _Axis(each, _of(both[each.key], protocol), _stored(intervals, protocol, each.key))
                for each in (column, retrieval_column)
            ]
            plots.append(_plot(len(plots) + 1, protocol, axes[0], axes[1], order, bounds or {}))
    return plots


def figure_of(scores: pd.DataFrame, methods: Sequence[str], leakage: str, bounds: Mapping[str, str]) -> Figure:
    """The plot of the first protocol and one leakage column, as a matplotlib figure.

    Raises
    ------
    UserError
        For a key of no leakage column, or where no method has both values.
    """
    by_key = {each.key: each for each in LEAKAGE if each.table == "leakage"}
    if leakage not in by_key:
        raise UserError(f"leakage '{leakage}' is not allowed; allowed: {', '.join(by_key)}")
    overall = scores[scores["subgroup"] == ""]
    (retrieval,) = with_labels([CROSS_SITE_MAP], pair_of(overall))
    protocol = known_first(overall["protocol"])[0]
    axes = [
        _Axis(each, _of(_aggregated(each.rows(overall)), protocol), _stored(None, protocol, each.key))
        for each in (by_key[leakage], retrieval)
    ]
    _, points, chance = _points(axes[0], axes[1], in_order(overall["method"], methods), bounds)
    if not points:
        raise UserError(f"no method has both {leakage} and {retrieval.key}")
    return in_print(pareto_figure(points, (by_key[leakage], retrieval), chance))


def _aggregated(rows: pd.DataFrame) -> pd.DataFrame:
    return aggregate(rows.drop(columns=parameters_of(rows)))


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


@dataclass(frozen=True)
class _Axis:
    """A column with its summaries in a protocol, and the statistics' intervals of it, which may be none."""

    column: Column
    rows: pd.DataFrame
    stored: pd.DataFrame

    @property
    def bars(self) -> str:
        """What the bars are."""
        covers = sorted(set(self.stored["covers"]) - {""})
        return f"95 % interval over {' or '.join(covers)}" if covers else SECOND[_kind(self.rows)]

    def measured(self) -> dict[str, Measured]:
        """Value and bar by method."""
        records = self.rows.to_dict("records")
        if len(self.stored):
            ends = {row["method"]: (row["ci_low"], row["ci_high"]) for row in self.stored.to_dict("records")}
            none = (math.nan, math.nan)
            return {row["method"]: _with_ends(row["mean"], ends.get(row["method"], none)) for row in records}
        kind = _kind(self.rows)
        return {row["method"]: _measured(row, kind) for row in records}


def _of(table: pd.DataFrame, protocol: str) -> pd.DataFrame:
    return table[table["protocol"] == protocol]


def _stored(intervals: pd.DataFrame | None, protocol: str, score: str) -> pd.DataFrame:
    if intervals is None:
        return pd.DataFrame(columns=["method", "ci_low", "ci_high", "covers"])
    here = _of(intervals, protocol)
    return here[(here["score"] == score) & here["ci_low"].notna()]


def _plot(
    place: int, protocol: str, leakage: _Axis, retrieval: _Axis, methods: Sequence[str], bounds: Mapping[str, str]
) -> Pareto:
    measured, points, chance = _points(leakage, retrieval, methods, bounds)
    columns = leakage.column, retrieval.column
    return Pareto(
        protocol,
        leakage.column.heading,
        pareto_svg(points, columns, chance, f"pareto {place}") if points else "",
        (leakage.bars, retrieval.bars),
        _barless(measured),
        [method for method in methods if method not in measured],
        _grid(f"pareto-{place}", points, columns),
    )


def _points(
    leakage: _Axis, retrieval: _Axis, methods: Sequence[str], bounds: Mapping[str, str]
) -> tuple[dict[str, tuple[Measured, Measured]], list[Point], tuple[float, float]]:
    left, right = leakage.measured(), retrieval.measured()
    measured = {method: (left[method], right[method]) for method in methods if method in left and method in right}
    measured = {method: pair for method, pair in measured.items() if all(math.isfinite(each.value) for each in pair)}
    best = undominated({name: (pair[0].value, pair[1].value) for name, pair in measured.items() if name not in bounds})
    points = [Point(name, *pair, name in best, bounds.get(name, "")) for name, pair in measured.items()]
    return measured, points, (float(leakage.rows["chance"].mean()), float(retrieval.rows["chance"].mean()))


def _barless(measured: Mapping[str, tuple[Measured, Measured]]) -> list[str]:
    barred = {name: [math.isfinite(each.low) for each in pair] for name, pair in measured.items()}
    drawn = [any(found) for found in zip(*barred.values(), strict=True)]
    return [name for name, found in barred.items() if found != drawn]


def _kind(rows: pd.DataFrame) -> str:
    there = rows[rows["mean"].notna()]
    if len(there) and there["sd"].notna().all():
        return "sd"
    return "interval" if len(there) and there[["ci_low", "ci_high"]].notna().all(axis=None) else "none"


def _measured(row: dict[Any, Any], kind: str) -> Measured:
    ends = {
        "sd": (row["mean"] - row["sd"], row["mean"] + row["sd"]),
        "interval": (row["ci_low"], row["ci_high"]),
        "none": (math.nan, math.nan),
    }[kind]
    return _with_ends(row["mean"], ends)


def _with_ends(value: float, ends: tuple[float, float]) -> Measured:
    return Measured(float(value), float(ends[0]), float(ends[1]))


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

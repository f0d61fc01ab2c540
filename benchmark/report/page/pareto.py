"""Leakage against retrieval: what a method gives up of one for the other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from benchmark.errors import UserError
from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, Column, pair_of, with_labels
from benchmark.report.grid import Cell, Grid, Header, number
from benchmark.report.page.aggregate import aggregate, in_order
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
        (:func:`benchmark.report.statistics.intervals.interval_table`), None where there are none.
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
    (retrieval,) = with_labels([CROSS_SITE_MAP], pair_of(overall))
    by_key = {each.key: each for each in LEAKAGE}
    leakages = [by_key[key] for key in leakage_keys]
    shown = [column for column in leakages if len(column.rows(overall))] or leakages[:1]
    summaries = {each.key: _aggregated(each.rows(overall)) for each in (*shown, retrieval)}
    order = in_order(overall["method"], methods)
    plots: list[Pareto] = []
    for protocol in known_first(overall["protocol"]):
        for column in shown:
            axes = [_axis(summaries[each.key], intervals, protocol, each.key) for each in (column, retrieval)]
            plots.append(_plot(len(plots) + 1, protocol, (column, retrieval), axes, order, bounds or {}))
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
    protocol, columns = known_first(overall["protocol"])[0], (by_key[leakage], retrieval)
    axes = [_axis(_aggregated(each.rows(overall)), None, protocol, each.key) for each in columns]
    _, points = _points(axes, in_order(overall["method"], methods), bounds)
    if not points:
        raise UserError(f"no method has both {leakage} and {retrieval.key}")
    return in_print(pareto_figure(points, columns, (axes[0].chance, axes[1].chance)))


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
    """Values with bars by method, what the bars are, and the chance level."""

    measured: Mapping[str, Measured]
    bars: str
    chance: float


def _axis(summaries: pd.DataFrame, intervals: pd.DataFrame | None, protocol: str, score: str) -> _Axis:
    rows = summaries[summaries["protocol"] == protocol].set_index("method")
    there = rows[rows["mean"].notna()]
    ends = pd.DataFrame({"ci_low": rows["mean"] - rows["sd"], "ci_high": rows["mean"] + rows["sd"]})
    bars = SECOND["sd"]
    if not len(there) or there["sd"].isna().any():
        found = bool(len(there)) and bool(there[["ci_low", "ci_high"]].notna().all(axis=None))
        bars, ends = (SECOND["interval"], rows) if found else (SECOND["none"], rows.assign(ci_low=math.nan))
    if intervals is not None:
        stored = intervals[(intervals["protocol"] == protocol) & (intervals["score"] == score)]
        stored = stored[stored["ci_low"].notna()].set_index("method")
        if len(stored):
            bars = f"95 % interval over {' or '.join(sorted(set(stored['covers']) - {''}))}"
            ends = stored.reindex(rows.index)
    low = ends["ci_low"]
    numbers = zip(rows.index, rows["mean"], low, ends["ci_high"].where(low.notna()), strict=True)
    return _Axis({name: Measured(*map(float, values)) for name, *values in numbers}, bars, float(rows["chance"].mean()))


def _points(
    axes: Sequence[_Axis], methods: Sequence[str], bounds: Mapping[str, str]
) -> tuple[dict[str, tuple[Measured, Measured]], list[Point]]:
    left, right = (axis.measured for axis in axes)
    measured = {name: (left[name], right[name]) for name in methods if name in left and name in right}
    measured = {name: pair for name, pair in measured.items() if all(math.isfinite(each.value) for each in pair)}
    best = undominated({name: (pair[0].value, pair[1].value) for name, pair in measured.items() if name not in bounds})
    return measured, [Point(name, *pair, name in best, bounds.get(name, "")) for name, pair in measured.items()]


def _plot(
    place: int,
    protocol: str,
    columns: tuple[Column, Column],
    axes: Sequence[_Axis],
    methods: Sequence[str],
    bounds: Mapping[str, str],
) -> Pareto:
    measured, points = _points(axes, methods, bounds)
    barred = {name: [math.isfinite(each.low) for each in pair] for name, pair in measured.items()}
    drawn = [any(found) for found in zip(*barred.values(), strict=True)]
    return Pareto(
        protocol,
        columns[0].heading,
        pareto_svg(points, columns, (axes[0].chance, axes[1].chance), f"pareto {place}") if points else "",
        (axes[0].bars, axes[1].bars),
        [name for name, found in barred.items() if found != drawn],
        [method for method in methods if method not in measured],
        _grid(f"pareto-{place}", points, columns),
    )


def _grid(identifier: str, points: Sequence[Point], columns: tuple[Column, Column]) -> Grid:
    of_pair = [
        header
        for column, higher in zip(columns, (False, True), strict=True)
        for header in (Header(column.heading, higher), Header("from"), Header("to"))
    ]
    rows = [
        [
            Cell(point.method),
            *map(number, (*point.leakage, *point.retrieval)),
            Cell(point.role or ("non-dominated" if point.undominated else "dominated")),
        ]
        for point in points
    ]
    return Grid(identifier, "The plotted numbers", [Header("method"), *of_pair, Header("note")], rows)

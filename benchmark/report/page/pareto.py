"""Leakage against retrieval: what a method gives up of one for the other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
from matplotlib.figure import Figure

from benchmark.errors import UserError
from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, Column, pair_of, with_labels
from benchmark.report.grid import Cell, Grid, Header, number
from benchmark.report.page.aggregate import aggregate
from benchmark.report.page.pareto_figure import Measured, Point, in_print, pareto_figure, pareto_svg
from benchmark.report.summary import in_order, known_first
from benchmark.results.schema import parameters_of

#: Keys of the leakage columns that are plotted: an LDR can hide a site in directions that standardising keeps small.
LEAKAGE_KEYS = ("mlp_standardised", "mlp_whitened")

#: What bars are where the statistics hold no interval.
SECOND = {
    "sd": "± SD over seeds",
    "interval": "mean over runs of the ends of their 95 % intervals, wider than an interval of the mean",
    "none": "none",
}


@dataclass(frozen=True)
class Pareto:
    """The plot of a protocol and a leakage column.

    Attributes
    ----------
    place
        Its number in the page, from 1.
    protocol
        Its name.
    columns
        Those of leakage and of retrieval.
    chance
        Their levels, NaN where there is none.
    intervals
        What their bars are.
    points
        Methods with both values.
    absent
        Methods without one of the values.
    """

    place: int
    protocol: str
    columns: tuple[Column, Column]
    chance: tuple[float, float]
    intervals: tuple[str, str]
    points: Sequence[Point]
    absent: Sequence[str]

    @property
    def leakage(self) -> str:
        """Heading of the leakage column."""
        return self.columns[0].heading

    @cached_property
    def svg(self) -> str:
        """SVG element; empty where no method has both values."""
        return pareto_svg(self.points, self.columns, self.chance, f"pareto {self.place}") if self.points else ""

    @property
    def barless(self) -> list[str]:
        """Drawn methods that lack a bar in an axis where others have one."""
        barred = {
            each.method: [math.isfinite(end.low) for end in (each.leakage, each.retrieval)] for each in self.points
        }
        drawn = [any(found) for found in zip(*barred.values(), strict=True)]
        return [name for name, found in barred.items() if found != drawn]

    @property
    def grid(self) -> Grid:
        """The plotted numbers."""
        of_pair = [
            header
            for column, higher in zip(self.columns, (False, True), strict=True)
            for header in (Header(column.heading, higher), Header("from"), Header("to"))
        ]
        rows = [
            [
                Cell(point.method),
                *map(number, (*point.leakage, *point.retrieval)),
                Cell(point.role or ("non-dominated" if point.undominated else "dominated")),
            ]
            for point in self.points
        ]
        headers = [Header("method"), *of_pair, Header("note")]
        return Grid(f"pareto-{self.place}", "The plotted numbers", headers, rows)


def pareto_plots(
    scores: pd.DataFrame,
    methods: Sequence[str],
    intervals: pd.DataFrame | None = None,
    bounds: Mapping[str, str] | None = None,
) -> list[Pareto]:
    """The columns :data:`LEAKAGE_KEYS` against cross-site mAP CN/AD, a plot per protocol and column.

    Of columns that no score belongs to, the first alone is plotted, to name what is absent.

    Parameters
    ----------
    scores
        Long score table.
    methods
        In table order.
    intervals
        Intervals of the statistics between methods
        (:func:`benchmark.report.statistics.intervals.interval_table`), None where there are none.
    bounds
        Methods that do not compete, with why not (:attr:`benchmark.report.about.About.bounds`).

    Notes
    -----
    The bars of an axis are the statistics' 95 % intervals where there are any for its protocol and score: over
    subjects and seeds, as their ``covers`` says. Methods that do not compete are in no statistics and then have none.
    Without statistics the bars are ± one SD over seeds where every method has one, otherwise the means over runs of
    the ends of their 95 % intervals where every run has them.
    """
    leakages = [column for column in LEAKAGE if column.key in LEAKAGE_KEYS]
    overall = scores[scores["subgroup"] == ""]
    shown = [column for column in leakages if len(column.rows(overall))] or leakages[:1]
    return list(_plots(scores, shown, methods, bounds or {}, intervals))


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
    plot = next(_plots(scores, [by_key[leakage]], methods, bounds), None)
    if plot is None or not plot.points:
        raise UserError(f"no method has both {leakage} and {CROSS_SITE_MAP.key}")
    return in_print(pareto_figure(plot.points, plot.columns, plot.chance))


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


def _plots(
    scores: pd.DataFrame,
    leakages: Sequence[Column],
    methods: Sequence[str],
    bounds: Mapping[str, str],
    intervals: pd.DataFrame | None = None,
) -> Iterator[Pareto]:
    overall = scores[scores["subgroup"] == ""]
    (retrieval,) = with_labels([CROSS_SITE_MAP], pair_of(overall))
    # The parameters of the methods' rows may differ beyond what the column asks for.
    summaries = {
        each.key: aggregate(rows.drop(columns=parameters_of(rows)))
        for each in (*leakages, retrieval)
        for rows in [each.rows(overall)]
    }
    order = in_order(overall["method"], methods)
    pairs = [(protocol, column) for protocol in known_first(overall["protocol"]) for column in leakages]
    for place, (protocol, column) in enumerate(pairs, start=1):
        x, y = (_axis(summaries[each.key], intervals, protocol, each.key) for each in (column, retrieval))
        there = {
            name: (x.measured[name], y.measured[name])
            for name in order
            if all(name in axis.measured and math.isfinite(axis.measured[name].value) for axis in (x, y))
        }
        best = undominated({name: (one.value, two.value) for name, (one, two) in there.items() if name not in bounds})
        points = [Point(name, *pair, name in best, bounds.get(name, "")) for name, pair in there.items()]
        absent = [name for name in order if name not in there]
        yield Pareto(place, protocol, (column, retrieval), (x.chance, y.chance), (x.bars, y.bars), points, absent)

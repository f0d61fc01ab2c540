"""Leakage against retrieval: what a method gives up of one for the other."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, Column, pair_of, with_labels
from benchmark.report.page.aggregate import aggregate, in_order
from benchmark.report.page.grid import Cell, Grid, Header, number
from benchmark.report.page.labels import Box, place_labels
from benchmark.report.page.wide import REFERENCE_ROWS
from benchmark.report.summary import known_first

#: Key of the leakage column that is plotted.
LEAKAGE_KEY = "mlp_standardised"

#: Colours that stand for the page's own, which change between light and dark.
INK, MUTED, ACCENT, SURFACE = "#010101", "#020202", "#030303", "#040404"
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", ACCENT: "var(--accent)", SURFACE: "var(--surface)"}

#: Longest method name beside a point.
_NAME_WIDTH = 22

SECOND = {"sd": "± SD over seeds", "interval": "95 % interval", "none": "no interval"}


@dataclass(frozen=True)
class Measured:
    """A value with its interval; both ends NaN where there is none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """A method in the plot.

    Attributes
    ----------
    method
        Its name.
    leakage, retrieval
        Its values.
    undominated
        Whether no compared method is at least as good in both and better in one; False for floor and ceiling.
    role
        ``floor`` or ``ceiling``, empty for a compared method.
    """

    method: str
    leakage: Measured
    retrieval: Measured
    undominated: bool
    role: str


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
        _svg(points, columns, chance, f"pareto {place}") if points else "",
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


def _svg(points: Sequence[Point], columns: tuple[Column, Column], chance: tuple[float, float], salt: str) -> str:
    # A style of the user's own must not change the bytes.
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {"svg.hashsalt": salt, "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 10}
        )
        figure = _figure(points, columns, chance)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].strip()
    # Its style sheet would hold for the whole page.
    start, end = text.index("<defs>"), text.index("</defs>") + len("</defs>")
    text = text[:start] + text[end:]
    for colour, variable in _VARIABLES.items():
        text = text.replace(f": {colour}", f": {variable}")
    return text


def _figure(points: Sequence[Point], columns: tuple[Column, Column], chance: tuple[float, float]) -> Figure:
    figure = Figure(figsize=(8.4, 5.6), dpi=72)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.09, 0.11, 0.79, 0.83))
    _dress(axes, points, columns, chance)
    for point in points:
        _mark(axes, point)
    _front(axes, [point for point in points if point.undominated])
    _labels(figure, axes, points, chance)
    return figure


def _dress(axes: Any, points: Sequence[Point], columns: tuple[Column, Column], chance: tuple[float, float]) -> None:
    for axis, level, setter in ((0, chance[0], axes.set_xlim), (1, chance[1], axes.set_ylim)):
        ends = [(point.leakage, point.retrieval)[axis] for point in points]
        found = [end for each in ends for end in (each.value, each.low, each.high)] + [level]
        finite = [end for end in found if math.isfinite(end)]
        space = max(max(finite) - min(finite), 0.02) * 0.09
        setter(min(finite) - space, max(finite) + space)
    axes.set_xlabel(f"site leakage, {columns[0].heading} ({columns[0].metric.replace('_', ' ')}), lower is better")
    axes.set_ylabel(f"retrieval, {columns[1].heading} at other sites, higher is better")
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.tick_params(colors=MUTED, labelcolor=INK)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(MUTED)
    for level, line in ((chance[0], axes.axvline), (chance[1], axes.axhline)):
        if math.isfinite(level):
            line(level, color=MUTED, linewidth=1, linestyle=(0, (1, 3)), zorder=1)


def _mark(axes: Any, point: Point) -> None:
    colour = MUTED if point.role else ACCENT
    x, y = point.leakage, point.retrieval
    for low, high, across in ((x.low, x.high, True), (y.low, y.high, False)):
        if math.isfinite(low) and math.isfinite(high):
            ends = ([low, high], [y.value] * 2) if across else ([x.value] * 2, [low, high])
            axes.plot(*ends, color=colour, linewidth=1.2, alpha=0.55, solid_capstyle="butt", zorder=2)
    axes.plot(
        [x.value],
        [y.value],
        marker="D" if point.role else "o",
        markersize=7 if point.role else 9,
        markerfacecolor=ACCENT if point.undominated else SURFACE,
        markeredgecolor=colour,
        markeredgewidth=1.8,
        linestyle="none",
        zorder=4,
    )


def _front(axes: Any, points: Sequence[Point]) -> None:
    ranked = sorted((point.leakage.value, point.retrieval.value) for point in points)
    if len(ranked) > 1:
        x, y = zip(*ranked, strict=True)
        axes.step(x, y, where="post", color=ACCENT, linewidth=1, linestyle=(0, (5, 3)), zorder=1.5)


def _labels(figure: Figure, axes: Any, points: Sequence[Point], chance: tuple[float, float]) -> None:
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = _write_chance(axes, renderer, chance)
    names = [_shortened(point.method) + (f" ({point.role})" if point.role else "") for point in points]
    sizes = [_extent(axes, renderer, name, point.undominated) for name, point in zip(names, points, strict=True)]
    spots = [tuple(axes.transData.transform((point.leakage.value, point.retrieval.value))) for point in points]
    frame = axes.get_window_extent(renderer)
    room = Box(frame.x0, frame.y0, figure.bbox.x1 - 2, frame.y1)
    bars = [*(bar for point in points for bar in _bars(axes, point)), *_lines(axes, room, chance)]
    placed = place_labels(spots, sizes, room, boxes, bars)
    inverse = axes.transData.inverted()
    for point, name, spot, box in zip(points, names, spots, placed, strict=True):
        nearest = (min(max(spot[0], box.left), box.right), min(max(spot[1], box.bottom), box.top))
        if math.dist(nearest, spot) > 14:
            (x0, x1), (y0, y1) = zip(*(inverse.transform(end) for end in (spot, nearest)), strict=True)
            axes.plot([x0, x1], [y0, y1], color=MUTED, linewidth=0.7, zorder=3)
        x, y = inverse.transform((box.left, box.bottom))
        axes.text(
            x,
            y,
            name,
            color=MUTED if point.role else INK,
            fontweight="bold" if point.undominated else "normal",
            va="bottom",
            ha="left",
            parse_math=False,
            zorder=5,
        )


def _write_chance(axes: Any, renderer: Any, chance: tuple[float, float]) -> list[Box]:
    boxes = []
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    for level, x, y, how in (
        (chance[0], chance[0], top, {"ha": "left", "va": "bottom"}),
        (chance[1], right, chance[1], {"ha": "right", "va": "bottom"}),
    ):
        if math.isfinite(level):
            extent = axes.text(x, y, "chance", color=MUTED, fontsize=9, **how).get_window_extent(renderer)
            boxes.append(Box(extent.x0, extent.y0, extent.x1, extent.y1))
    return boxes


def _extent(axes: Any, renderer: Any, name: str, bold: bool) -> tuple[float, float]:
    text = axes.text(0, 0, name, fontweight="bold" if bold else "normal", parse_math=False)
    extent = text.get_window_extent(renderer)
    text.remove()
    return float(np.ceil(extent.width)), float(np.ceil(extent.height))


def _bars(axes: Any, point: Point) -> list[Box]:
    x, y = point.leakage, point.retrieval
    bars = []
    for low, high, across in ((x.low, x.high, True), (y.low, y.high, False)):
        if math.isfinite(low) and math.isfinite(high):
            ends = ((low, y.value), (high, y.value)) if across else ((x.value, low), (x.value, high))
            (left, bottom), (right, top) = axes.transData.transform(ends)
            bars.append(Box(left - 1, bottom - 1, right + 1, top + 1))
    return bars


def _lines(axes: Any, room: Box, chance: tuple[float, float]) -> list[Box]:
    x, y = axes.transData.transform(np.nan_to_num(chance, nan=-1e6))
    return [Box(x - 1, room.bottom, x + 1, room.top), Box(room.left, y - 1, room.right, y + 1)]


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH - 1] + "…"

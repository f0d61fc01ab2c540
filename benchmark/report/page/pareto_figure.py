"""The drawing of leakage against retrieval."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.report.columns import Column
from benchmark.report.page.labels import Box, place_labels

#: Colours that stand for the page's own, which change between light and dark.
INK, MUTED, ACCENT, SURFACE = "#010101", "#020202", "#030303", "#040404"
_PRINTED = {INK: "#1a1a1a", MUTED: "#6b6b6b", ACCENT: "#1f5fbf", SURFACE: "#ffffff"}
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", ACCENT: "var(--accent)", SURFACE: "var(--surface)"}

#: Longest method name beside a point.
_NAME_WIDTH = 22


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


def pareto_svg(points: Sequence[Point], columns: tuple[Column, Column], chance: tuple[float, float], salt: str) -> str:
    """SVG element of the plot, in the page's colours; the same bytes every time.

    Parameters
    ----------
    points
        At least one.
    columns
        Those of leakage and of retrieval.
    chance
        Their levels, NaN where there is none.
    salt
        Makes the identifiers within the SVG, so that two plots in one page do not share any.
    """
    # A style of the user's own must not change the bytes.
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {"svg.hashsalt": salt, "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 10}
        )
        figure = pareto_figure(points, columns, chance)
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


def pareto_figure(points: Sequence[Point], columns: tuple[Column, Column], chance: tuple[float, float]) -> Figure:
    """The plot as a matplotlib figure; parameters as for :func:`pareto_svg`."""
    figure = Figure(figsize=(8.4, 5.6), dpi=72)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.09, 0.11, 0.79, 0.83))
    _dress(axes, points, columns, chance)
    for point in points:
        _mark(axes, point)
    _front(axes, [point for point in points if point.undominated])
    _labels(figure, axes, points, chance)
    return figure


def in_print(figure: Figure) -> Figure:
    """The plot with colours of its own, for where there is no page to give them."""
    for artist in figure.findobj():
        for name in ("color", "markerfacecolor", "markeredgecolor", "edgecolor"):
            colour = getattr(artist, f"get_{name}", lambda: None)()
            if isinstance(colour, str) and colour in _PRINTED:
                getattr(artist, f"set_{name}")(_PRINTED[colour])
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

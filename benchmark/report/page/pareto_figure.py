"""The drawing of leakage against retrieval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import textalloc
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.report.columns import Column
from benchmark.report.svg import to_svg
from benchmark.report.text import shortened

#: Colours that stand for the page's own, which change between light and dark.
INK, MUTED, ACCENT, SURFACE = "#010101", "#020202", "#030303", "#040404"
_PRINTED = {INK: "#1a1a1a", MUTED: "#6b6b6b", ACCENT: "#1f5fbf", SURFACE: "#ffffff"}
_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", ACCENT: "var(--accent)", SURFACE: "var(--surface)"}

#: Methods that a plot names all of.
MOST_NAMES = 24


class Measured(NamedTuple):
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
        Why it does not compete, such as ``floor``; empty for a compared method.
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
    text = to_svg(
        lambda: pareto_figure(points, columns, chance), salt, svg_fonttype="none", savefig_facecolor="#ffffff00"
    )
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
    axes = figure.add_axes((0.09, 0.11, 0.79, 0.83), facecolor="none")
    for axis, level, setter in ((0, chance[0], axes.set_xlim), (1, chance[1], axes.set_ylim)):
        ends = [*(end for point in points for end in (point.leakage, point.retrieval)[axis]), level]
        finite = [end for end in ends if math.isfinite(end)]
        space = max(max(finite) - min(finite), 0.02) * 0.09
        setter(min(finite) - space, max(finite) + space)
    what = f"{columns[0].heading} ({columns[0].metric.replace('_', ' ')})"
    axes.set_xlabel(f"site leakage, {what}, lower is better", color=INK)
    axes.set_ylabel(f"retrieval, {columns[1].heading} at other sites, higher is better", color=INK)
    axes.tick_params(colors=MUTED, labelcolor=INK)
    axes.spines[["right", "top"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    for level, line in zip(chance, (axes.axvline, axes.axhline), strict=True):
        if math.isfinite(level):
            line(level, color=MUTED, linewidth=1, linestyle=(0, (1, 3)), zorder=1)
    bars = [bar for point in points for bar in _mark(axes, point)]
    front = sorted((point.leakage.value, point.retrieval.value) for point in points if point.undominated)
    if len(front) > 1:
        axes.step(*zip(*front, strict=True), where="post", color=ACCENT, linewidth=1, linestyle=(0, (5, 3)), zorder=1.5)
    _write(axes, points, chance, bars)
    return figure


def in_print(figure: Figure) -> Figure:
    """The plot with colours of its own, for where there is no page to give them."""
    for artist in figure.findobj():
        for name in ("color", "markerfacecolor", "markeredgecolor", "edgecolor"):
            colour = getattr(artist, f"get_{name}", lambda: None)()
            if isinstance(colour, str) and colour in _PRINTED:
                getattr(artist, f"set_{name}")(_PRINTED[colour])
    return figure


def _mark(axes: Any, point: Point) -> list[tuple[list[float], list[float]]]:
    """Draw a point with its bars; the ends of these."""
    colour = MUTED if point.role else ACCENT
    x, y = point.leakage, point.retrieval
    bars = [([x.low, x.high], [y.value] * 2), ([x.value] * 2, [y.low, y.high])]
    bars = [bar for bar, measured in zip(bars, (x, y), strict=True) if math.isfinite(measured.low + measured.high)]
    for bar in bars:
        axes.plot(*bar, color=colour, linewidth=1.2, alpha=0.55, solid_capstyle="butt", zorder=2)
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
    return bars


def _write(axes: Any, points: Sequence[Point], chance: tuple[float, float], taken: list[tuple[Any, Any]]) -> None:
    """Name points where there is room beside bars, points and other names.

    Of more than :data:`MOST_NAMES` those that are undominated, and those that do not compete.
    """
    (low, high), top = axes.get_xlim(), axes.get_ylim()[1]
    for where, side in (((chance[0], top), "left"), ((high, chance[1]), "right")):
        if all(map(math.isfinite, where)):
            word = axes.text(*where, "chance", color=MUTED, fontsize=9, ha=side, va="bottom")
            box = word.get_window_extent().transformed(axes.transData.inverted())
            taken.append((box.intervalx, box.intervaly))
    named = [point for point in points if point.undominated or point.role] if len(points) > MOST_NAMES else points
    x, y = ([getattr(point, name).value for point in named] for name in ("leakage", "retrieval"))
    # None where there is no line: it takes no empty list.
    lines: Any = [[list(bar[axis]) for bar in taken] or None for axis in (0, 1)]
    textalloc.allocate(
        axes,
        x,
        y,
        [shortened(point.method) + (f" ({point.role})" if point.role else "") for point in named],
        x_scatter=[point.leakage.value for point in points],
        y_scatter=[point.retrieval.value for point in points],
        x_lines=lines[0],
        y_lines=lines[1],
        # A name may lie to the right of the axes.
        xlims=(low, high + 0.14 * (high - low)),
        min_distance=0.015,
        max_distance=0.4,
        margin=0.004,
        fontweight=["bold" if point.undominated else "normal" for point in named],
        textcolor=[MUTED if point.role else INK for point in named],
        linecolor=MUTED,
        linewidth=0.7,
        zorder=5,
        parse_math=False,
    )

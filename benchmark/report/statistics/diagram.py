"""Critical-difference diagrams and interval plots, as SVG with the same bytes every time."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.report.statistics.cells import Floats
from benchmark.report.statistics.settings import LEVEL
from benchmark.report.summary import ordered

#: Longest method name in a figure.
_NAME_WIDTH = 22

_INK, _MUTED = "#1a1a1a", "#6b6b6b"

#: Inches.
_ROW, _WIDTH, _MARGIN = 0.27, 8.2, 2.6

_STYLE: dict[Any, Any] = {"svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 10}


def critical_difference_diagram(ranks: pd.DataFrame, title: str = "") -> str:
    """Mean ranks on a line, best on the left; a bar joins methods that Nemenyi's test cannot tell apart (Demšar 2006).

    Parameters
    ----------
    ranks
        Rows of one protocol and score of
        :attr:`benchmark.report.statistics.summary.Statistics.ranks`.
    title
        Above the line.

    Returns
    -------
    str
        SVG; empty where there is no critical difference (fewer than three methods or two seeds). Methods without a
        mean rank are left out. Where Friedman's p is 0.05 or more, which the figure then says, one bar joins all.
    """
    return to_svg(lambda: critical_difference_figure(ranks, title), f"critical difference {title}")


def interval_diagram(intervals: pd.DataFrame, title: str = "", method_order: Sequence[str] | None = None) -> str:
    """Mean and 95 % interval of every method, one a line.

    Parameters
    ----------
    intervals
        Rows of one protocol and score of
        :attr:`benchmark.report.statistics.summary.Statistics.intervals`.
    title
        Above the plot.
    method_order
        From top to bottom; others follow in the alphabet's order.

    Returns
    -------
    str
        SVG; empty where no method has a value. A method without a value keeps its line, marked as missing, and one
        without an interval has a point alone. What the intervals cover is written below.
    """
    return to_svg(lambda: interval_figure(intervals, title, method_order), f"intervals {title}")


def to_svg(make: Any, salt: str) -> str:
    """SVG text of the figure that a function without arguments makes, or of none; the same bytes every time.

    Parameters
    ----------
    make
        Called under the suite's own style, whatever the user's is.
    salt
        Makes the identifiers within the SVG, so that two figures in one page do not share any.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": salt})
        figure = make()
        if figure is None:
            return ""
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def critical_difference_figure(ranks: pd.DataFrame, title: str = "") -> Figure | None:
    """The figure of :func:`critical_difference_diagram`, or None."""
    shown = ranks[ranks["mean_rank"].notna()].sort_values(["mean_rank", "method"], kind="stable")
    critical = float(shown["critical_difference"].iloc[0]) if len(shown) else math.nan
    if not math.isfinite(critical):
        return None
    mean = shown["mean_rank"].to_numpy(np.float64)
    friedman = float(shown["friedman_p"].iloc[0])
    bars = groups(mean, critical) if friedman < LEVEL else [(0, len(mean) - 1)]
    left = (len(mean) + 1) // 2
    top = -1.6 - 0.55 * len(bars)
    figure, axes = _canvas((1, len(mean)), (top - left + 0.4, 3.4), _MARGIN, title)
    axes.axis("off")
    _scale(axes, len(mean), critical)
    for place, (first, last) in enumerate(bars):
        level = -0.75 - 0.55 * place
        axes.plot(
            [mean[first] - 0.04, mean[last] + 0.04], [level] * 2, color=_INK, linewidth=3.5, solid_capstyle="butt"
        )
    for place, (method, value) in enumerate(zip(shown["method"], mean, strict=True)):
        on_left = place < left
        row = top - (place if on_left else len(mean) - 1 - place)
        _name(axes, str(method), float(value), row, on_left, len(mean))
    blocks = int(shown["blocks"].iloc[0])
    note = f"Friedman p = {friedman:.2g}, {blocks} seeds" + (
        "" if friedman < LEVEL else ": no difference shown, so no pair is told apart"
    )
    axes.text(0.5, 0.03, note, transform=figure.transFigure, ha="center", va="bottom", color=_MUTED, fontsize=9)
    return figure


def interval_figure(
    intervals: pd.DataFrame, title: str = "", method_order: Sequence[str] | None = None
) -> Figure | None:
    """The figure of :func:`interval_diagram`, or None."""
    rows: dict[Any, dict[Any, Any]] = {row["method"]: row for row in intervals.to_dict("records")}
    if not intervals["value"].notna().any():
        return None
    wanted = [method for method in ordered(rows, method_order) if method in rows]
    low, high = _limits(intervals[["value", "ci_low", "ci_high"]].to_numpy(np.float64))
    figure, axes = _canvas((low, high), (0.4 - len(wanted), 0.6), 0.3, title)
    for place, method in enumerate(wanted):
        row = rows[method]
        if math.isfinite(row["ci_low"]):
            axes.plot([row["ci_low"], row["ci_high"]], [-place] * 2, color=_INK, linewidth=1.6, solid_capstyle="butt")
        if math.isfinite(row["value"]):
            axes.plot([row["value"]], [-place], marker="o", markersize=6, color=_INK)
        else:
            axes.text((low + high) / 2, -place, "missing", ha="center", va="center", color=_MUTED, fontsize=9)
    axes.set_yticks(
        [-place for place in range(len(wanted))], [_shortened(method) for method in wanted], parse_math=False
    )
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlabel(_covered(intervals["covers"]), color=_MUTED, fontsize=9)
    return figure


def groups(mean_ranks: Floats, critical: float) -> list[tuple[int, int]]:
    """Largest runs of methods whose mean ranks all differ by less than the critical difference.

    Parameters
    ----------
    mean_ranks
        In rising order, shape (methods,).
    critical
        Critical difference.

    Returns
    -------
    list of tuple of int
        First and last position of each run of two or more; none within another.
    """
    found: list[tuple[int, int]] = []
    for first in range(len(mean_ranks)):
        last = int(np.flatnonzero(mean_ranks - mean_ranks[first] < critical)[-1])
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found


def _canvas(x: tuple[float, float], y: tuple[float, float], right: float, title: str) -> tuple[Figure, Any]:
    # One unit of y is a row of text, with two rows below and one and a half above for what is written there.
    rows = y[1] - y[0]
    figure = Figure(figsize=(_WIDTH, _ROW * (rows + 3.5)), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((_MARGIN / _WIDTH, 2 / (rows + 3.5), 1 - (_MARGIN + right) / _WIDTH, rows / (rows + 3.5)))
    axes.set_xlim(*x)
    axes.set_ylim(*y)
    figure.suptitle(title, y=1 - 0.3 / (rows + 3.5), va="top", fontsize=11, parse_math=False)
    return figure, axes


def _scale(axes: Any, methods: int, critical: float) -> None:
    axes.plot([1, methods], [0, 0], color=_INK, linewidth=1.2, clip_on=False)
    for rank in range(1, methods + 1):
        axes.plot([rank, rank], [0, 0.3], color=_INK, linewidth=1.2, clip_on=False)
        axes.text(rank, 0.45, str(rank), ha="center", va="bottom")
    end = 1 + min(critical, methods - 1)
    axes.plot([1, end], [2, 2], color=_INK, linewidth=1.2, clip_on=False)
    for place in (1, end):
        axes.plot([place, place], [1.8, 2.2], color=_INK, linewidth=1.2, clip_on=False)
    more = "" if critical <= methods - 1 else ", more than the whole line"
    axes.text(1, 2.35, f"critical difference {critical:.2f}{more}", ha="left", va="bottom")


def _name(axes: Any, method: str, value: float, row: float, on_left: bool, methods: int) -> None:
    edge = 1 - 0.02 * (methods - 1) if on_left else methods + 0.02 * (methods - 1)
    axes.plot([value, value, edge], [0, row, row], color=_MUTED, linewidth=0.9, clip_on=False, zorder=1)
    text = f"{_shortened(method)}  {value:.2f}" if on_left else f"{value:.2f}  {_shortened(method)}"
    gap = 0.01 * (methods - 1) * (-1 if on_left else 1)
    axes.text(edge + gap, row, text, ha="right" if on_left else "left", va="center", parse_math=False)


def _limits(values: Floats) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    space = max((high - low) * 0.06, 0.005)
    return low - space, high + space


def _covered(column: pd.Series) -> str:
    covers = sorted(set(column) - {""})
    return f"bars: 95 % interval over {' or '.join(covers)}" if covers else "no intervals"


def _shortened(name: str) -> str:
    # Names of variants differ at their ends.
    half = _NAME_WIDTH // 2
    return name if len(name) <= _NAME_WIDTH else name[: half - 1] + "…" + name[-half:]

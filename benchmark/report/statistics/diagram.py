"""Critical-difference diagrams and interval plots, as SVG with the same bytes every time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import scikit_posthocs
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmark.report.statistics.settings import LEVEL
from benchmark.report.summary import in_order
from benchmark.report.svg import to_svg
from benchmark.report.text import shortened

_INK, _MUTED = "#1a1a1a", "#6b6b6b"

#: Inches.
_ROW, _WIDTH, _MARGIN = 0.27, 8.2, 2.6


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
    return to_svg(lambda: critical_difference_figure(ranks, title), f"critical difference {title}", svg_fonttype="path")


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
    return to_svg(lambda: interval_figure(intervals, title, method_order), f"intervals {title}", svg_fonttype="path")


def critical_difference_figure(ranks: pd.DataFrame, title: str = "") -> Figure | None:
    """The figure of :func:`critical_difference_diagram`, or None."""
    shown = ranks[ranks["mean_rank"].notna()].sort_values(["mean_rank", "method"], kind="stable", ignore_index=True)
    critical = float(shown["critical_difference"].iloc[0]) if len(shown) else math.nan
    if not math.isfinite(critical):
        return None
    mean, friedman = shown["mean_rank"], float(shown["friedman_p"].iloc[0])
    # Where Friedman's test sees no difference, Nemenyi's must not.
    apart = (np.abs(np.subtract.outer(mean.to_numpy(), mean.to_numpy())) >= critical) & (friedman < LEVEL)
    figure, axes = _canvas()
    # Methods go in by number: sets of names have no order that stays.
    drawn = scikit_posthocs.critical_difference_diagram(
        mean,
        pd.DataFrame(np.where(apart, 0.0, 1.0)),
        ax=axes,
        text_h_margin=0.02 * (len(mean) - 1),
        label_fmt_left="{rank:.2f} ",
        label_fmt_right=" {rank:.2f}",
        label_props={"parse_math": False},
        marker_props={"s": 12, "clip_on": False},
        elbow_props={"color": _INK, "linewidth": 0.9, "clip_on": False},
        crossbar_props={"color": _INK, "linewidth": 3.5, "solid_capstyle": "butt"},
    )
    names = [shortened(str(method)) for method in shown["method"]]
    left = (len(names) + 1) // 2
    for place, text in zip([*range(left), *reversed(range(left, len(names)))], drawn["labels"], strict=True):
        rank = text.get_text()
        text.set_text(f"{names[place]}  {rank}" if place < left else f"{rank}  {names[place]}")
    lowest = min(text.get_position()[1] for text in drawn["labels"])
    _fit(axes, (1, len(mean)), (lowest - 0.6, 3), _MARGIN, title)
    axes.set_xticks(range(1, len(mean) + 1))
    more = "" if critical <= len(mean) - 1 else ", more than the whole line"
    axes.plot([1, 1 + min(critical, len(mean) - 1)], [2, 2], "|-", color=_INK, linewidth=1.2, clip_on=False)
    axes.text(1, 2.35, f"critical difference {critical:.2f}{more}", ha="left", va="bottom")
    note = f"Friedman p = {friedman:.2g}, {int(shown['blocks'].iloc[0])} seeds" + (
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
    wanted = in_order(rows, method_order or ())
    ends = intervals[["value", "ci_low", "ci_high"]].to_numpy(np.float64)
    low, high = np.nanmin(ends), np.nanmax(ends)
    space = max((high - low) * 0.06, 0.005)
    figure, axes = _canvas()
    _fit(axes, (low - space, high + space), (0.4 - len(wanted), 0.6), 0.3, title)
    for place, method in enumerate(wanted):
        row = rows[method]
        if math.isfinite(row["ci_low"]):
            axes.plot([row["ci_low"], row["ci_high"]], [-place] * 2, color=_INK, linewidth=1.6, solid_capstyle="butt")
        if math.isfinite(row["value"]):
            axes.plot([row["value"]], [-place], marker="o", markersize=6, color=_INK)
        else:
            axes.text((low + high) / 2, -place, "missing", ha="center", va="center", color=_MUTED, fontsize=9)
    axes.set_yticks(-np.arange(len(wanted)), [shortened(method) for method in wanted], parse_math=False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    covers = sorted(set(intervals["covers"]) - {""})
    told = f"bars: 95 % interval over {' or '.join(covers)}" if covers else "no intervals"
    axes.set_xlabel(told, color=_MUTED, fontsize=9)
    return figure


def _canvas() -> tuple[Figure, Any]:
    figure = Figure(dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    return figure, figure.add_axes((0, 0, 1, 1))


def _fit(axes: Any, x: tuple[float, float], y: tuple[float, float], right: float, title: str) -> None:
    # One unit of y is a row of text, with two rows below and one and a half above for what is written there.
    rows = y[1] - y[0]
    axes.figure.set_size_inches(_WIDTH, _ROW * (rows + 3.5))
    axes.set_position((_MARGIN / _WIDTH, 2 / (rows + 3.5), 1 - (_MARGIN + right) / _WIDTH, rows / (rows + 3.5)))
    axes.set_xlim(*x)
    axes.set_ylim(*y)
    axes.figure.suptitle(title, y=1 - 0.3 / (rows + 3.5), va="top", fontsize=11, parse_math=False)

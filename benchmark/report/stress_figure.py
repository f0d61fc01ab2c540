"""The picture of one axis of a stress sweep: leakage, retrieval and identity of every method."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.about import About
from benchmark.report.columns import CROSS_SITE_MAP, TRAVELLING_TOP1
from benchmark.report.text import shortened

LEAKAGE, RETRIEVAL, IDENTITY = "mlp_standardised", CROSS_SITE_MAP.key, TRAVELLING_TOP1.key
#: What a method holds by, as the table and as a panel calls it.
SHOWN = {
    LEAKAGE: ("leakage", "site leakage, MLP std.; lower is better"),
    RETRIEVAL: ("mAP", f"{CROSS_SITE_MAP.heading} across sites"),
    IDENTITY: ("top-1", TRAVELLING_TOP1.heading),
}
#: Methods that have a colour and marker of their own as curves; of more each has a line of its own.
MANY = 10
_INK, _MUTED = "#1a1a1a", "#6b6b6b"
_MARKERS = "osD^v<>Ph*"


def stress_figure(scores: pd.DataFrame, about: About) -> Figure:
    """Leakage, retrieval and identity with each value of an axis.

    Up to :data:`MANY` methods are curves against the values, with intervals; of more, each is a line of the figure with
    a marker per value.

    Parameters
    ----------
    scores
        Rows of the axis of :func:`benchmark.report.stress.long_table`.
    about
        Says whether the data are synthetic.
    """
    axis, methods = scores["axis"].iloc[0], list(dict.fromkeys(scores["method"]))
    values = list(dict.fromkeys(scores["value"]))
    many = len(methods) > MANY
    # Title and legend take an inch and a half, a method's line a fifth of one.
    height = 1.5 + 0.2 * len(methods) if many else 4.8
    figure = Figure(figsize=(12, height), dpi=72)
    figure.suptitle(about.title(f"Stress by {axis}"), color=_INK, y=1 - 0.2 / height if many else 0.98)
    for panel, (score, (_, title)) in zip(figure.subplots(1, len(SHOWN), sharey=many), SHOWN.items(), strict=True):
        of_score = scores[scores["score"] == score]
        (_lines if many else _curves)(panel, of_score, methods, values)
        panel.set_title(title, fontsize=10, color=_INK)
        panel.tick_params(colors=_MUTED, labelcolor=_INK)
        panel.spines[["right", "top"]].set_visible(False)
        panel.spines[["left", "bottom"]].set_color(_MUTED)
        if not many:
            panel.set_xlabel(axis, color=_INK)
    handles, labels = panel.get_legend_handles_labels()
    if many:
        figure.subplots_adjust(left=0.22, right=0.99, top=1 - 0.65 / height, bottom=0.75 / height, wspace=0.06)
        labels = [f"{axis} {label}" for label in labels]
        figure.legend(handles, labels, loc="lower center", ncols=len(labels), frameon=False, fontsize=9)
    else:
        figure.subplots_adjust(left=0.05, right=0.82, top=0.84, bottom=0.13, wspace=0.22)
        figure.legend(handles, labels, loc="center right", frameon=False, fontsize=9)
    return figure


def _curves(panel: Axes, scores: pd.DataFrame, methods: list[str], values: list[str]) -> None:
    """A curve with intervals per method."""
    places = {value: place for place, value in enumerate(values)}
    for number, method in enumerate(methods):
        rows = scores[scores["method"] == method]
        # Beside each other: intervals would hide each other.
        shift = 0.4 * ((number + 0.5) / len(methods) - 0.5)
        place, colour = rows["value"].map(places) + shift, f"C{number % 10}"
        marker = _MARKERS[number % len(_MARKERS)]
        panel.plot(
            place, rows["mean"], color=colour, marker=marker, markersize=4, linewidth=1.2, label=shortened(method)
        )
        panel.vlines(place, rows["ci_low"], rows["ci_high"], color=colour, linewidth=1.2, alpha=0.55)
    chance = scores.groupby("value")["chance"].mean().reindex(values)
    panel.plot(range(len(values)), chance, color=_MUTED, linewidth=1, linestyle=(0, (5, 3)), label="chance")
    panel.set_xticks(range(len(values)), values)


def _lines(panel: Axes, scores: pd.DataFrame, methods: list[str], values: list[str]) -> None:
    """A line per method, with a marker and an interval per value."""
    means = scores.pivot_table(index="method", columns="value", values="mean", dropna=False).reindex(methods)
    places = range(len(methods))
    panel.hlines(places, means.min(axis=1), means.max(axis=1), color=_MUTED, linewidth=1, alpha=0.5)
    for number, value in enumerate(values):
        rows = scores[scores["value"] == value].set_index("method").reindex(methods)
        colour, marker = f"C{number % 10}", _MARKERS[number % len(_MARKERS)]
        panel.hlines(places, rows["ci_low"], rows["ci_high"], color=colour, linewidth=1.2, alpha=0.55)
        panel.plot(rows["mean"], places, color=colour, marker=marker, markersize=4, linestyle="", label=value)
        # Chance differs between values where these are numbers of sites.
        chance = rows["chance"].mean()
        panel.axvline(chance, color=colour, linewidth=1, linestyle=(0, (5, 3)), alpha=0.6, label=f"{value}: chance")
    panel.set_yticks(places, [shortened(method, 30) for method in methods], fontsize=9)
    panel.set_ylim(len(methods) - 0.5, -0.5)
    panel.grid(axis="y", color=_MUTED, alpha=0.12)

"""What the settings of a stress sweep show together: how each method's scores change along each axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import t

from benchmark.data.atomic import atomic_path
from benchmark.report.about import About
from benchmark.report.blocks import heading, items, paragraph, table, to_markdown
from benchmark.report.columns import CROSS_SITE_MAP, HEADLINES, PRESERVED, TRAVELLING_TOP1, Column
from benchmark.report.grid import Cell
from benchmark.report.statistics.bounds import is_bounded
from benchmark.report.statistics.settings import LEVEL
from benchmark.report.statistics.shared_subjects import inflation
from benchmark.report.stress_criteria import COLLAPSED, QUALITY, holding
from benchmark.report.summary import Entry, sections
from benchmark.report.svg import to_svg
from benchmark.report.text import MISSING, counted, shortened
from benchmark.results.read import read_provenance, read_table
from benchmark.results.schema import PROVENANCE, SCORES

#: Seeds that an interval over seeds needs at least.
SEEDS = 3
LEAKAGE, RETRIEVAL, IDENTITY = "mlp_standardised", CROSS_SITE_MAP.key, TRAVELLING_TOP1.key
#: What a method holds by, as the table and as a panel calls it.
SHOWN = {
    LEAKAGE: ("leakage", "site leakage, MLP std.; lower is better"),
    RETRIEVAL: ("mAP", f"{CROSS_SITE_MAP.heading} across sites"),
    IDENTITY: ("top-1", TRAVELLING_TOP1.heading),
}
#: What is read of every setting.
COLUMNS: Sequence[Column] = (*HEADLINES, *(each for each in PRESERVED if each.key in (COLLAPSED, QUALITY)))
_INK, _MUTED = "#1a1a1a", "#6b6b6b"
_MARKERS = "osD^v<>Ph*"


def write_stress(
    out: Path, axes: Mapping[str, Mapping[str, str]], methods: Sequence[str]
) -> tuple[list[Path], list[str]]:
    """Write ``stress.csv``, ``stress.md`` and a picture of each axis.

    Parameters
    ----------
    out
        Folder of the settings' results folders. A setting without scores is missing in what is written.
    axes
        Axis to value to the name of the setting's folder.
    methods
        In table order.

    Returns
    -------
    files
        What was written.
    lines
        Which method holds where.
    """
    folders = list(dict.fromkeys(name for values in axes.values() for name in values.values()))
    entries = {name: _entries(out / name, methods) for name in folders}
    abouts = [About.of(read_provenance(out / name / PROVENANCE)) for name in folders]
    about = next((about for about in abouts if about != About()), About())
    methods = about.apart_last(methods)
    shared = {name: max(of.shared_subjects.values(), default=0.0) for name, of in zip(folders, abouts, strict=True)}
    scores = long_table(axes, entries, methods, shared)
    lines = holding(scores, [method for method in methods if method not in about.bounds])
    files = {
        "stress.csv": scores.to_csv(index=False, lineterminator="\n"),
        "stress.md": _markdown(scores, axes, methods, about, lines),
    }
    for axis in axes:
        of_axis = scores[scores["axis"] == axis]
        files[f"stress_{axis}.svg"] = to_svg(partial(stress_figure, of_axis, about), f"stress {axis}")
    for name, text in files.items():
        with atomic_path(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [out / name for name in files], lines


def long_table(
    axes: Mapping[str, Mapping[str, str]],
    entries: Mapping[str, Mapping[str, Mapping[str, Entry]]],
    methods: Sequence[str],
    shared: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """A row per axis, value, method and headline score.

    Parameters
    ----------
    axes, methods
        As for :func:`write_stress`.
    entries
        Entries of each setting, by method, then score; no methods where a setting has no scores.
    shared
        Share of test subjects that two seeds of a setting have in common; 0 for a setting that it does not name.

    Returns
    -------
    pandas.DataFrame
        ``axis``, ``value``, ``method``, ``score``; ``mean`` and standard deviation ``sd`` over ``seeds``, NaN if one is
        missing; ``ci_low`` and ``ci_high``, the mean's 95 % interval by Student's t, inflated where seeds share test
        subjects (:func:`benchmark.report.statistics.shared_subjects.inflation`) and cut where the score is bounded, NaN
        for fewer than 3 seeds; ``chance``; ``note``, why something is missing.
    """
    return pd.DataFrame(
        [
            {"axis": axis, "value": value, "method": method, "score": column.key}
            | _numbers(
                entries[name].get(method, {}).get(column.key),
                is_bounded(column.table, column.metric),
                (shared or {}).get(name, 0.0),
            )
            for axis, values in axes.items()
            for value, name in values.items()
            for method in methods
            for column in COLUMNS
        ]
    )


def stress_figure(scores: pd.DataFrame, about: About) -> Figure:
    """Leakage, retrieval and identity against the values of one axis, a line with intervals per method.

    Parameters
    ----------
    scores
        Rows of the axis of :func:`long_table`.
    about
        Says whether the data are synthetic.
    """
    axis, methods = scores["axis"].iloc[0], list(dict.fromkeys(scores["method"]))
    values = {value: place for place, value in enumerate(dict.fromkeys(scores["value"]))}
    figure = Figure(figsize=(12, 4.8), dpi=72)
    figure.suptitle(about.title(f"Stress by {axis}"), color=_INK)
    for panel, (score, (_, title)) in zip(figure.subplots(1, len(SHOWN)), SHOWN.items(), strict=True):
        of_score = scores[scores["score"] == score]
        for number, method in enumerate(methods):
            rows = of_score[of_score["method"] == method]
            # Beside each other: intervals would hide each other.
            shift = 0.4 * ((number + 0.5) / len(methods) - 0.5)
            place, colour = rows["value"].map(values) + shift, f"C{number % 10}"
            marker = _MARKERS[number % len(_MARKERS)]
            panel.plot(
                place, rows["mean"], color=colour, marker=marker, markersize=4, linewidth=1.2, label=shortened(method)
            )
            panel.vlines(place, rows["ci_low"], rows["ci_high"], color=colour, linewidth=1.2, alpha=0.55)
        chance = of_score.groupby("value")["chance"].mean().reindex(list(values))
        panel.plot(range(len(values)), chance, color=_MUTED, linewidth=1, linestyle=(0, (5, 3)), label="chance")
        panel.set_xticks(range(len(values)), list(values))
        panel.set_title(title, fontsize=10, color=_INK)
        panel.set_xlabel(axis, color=_INK)
        panel.tick_params(colors=_MUTED, labelcolor=_INK)
        panel.spines[["right", "top"]].set_visible(False)
        panel.spines[["left", "bottom"]].set_color(_MUTED)
    figure.subplots_adjust(left=0.05, right=0.82, top=0.84, bottom=0.13, wspace=0.22)
    figure.legend(*panel.get_legend_handles_labels(), loc="center right", frameon=False, fontsize=9)
    return figure


def _entries(folder: Path, methods: Sequence[str]) -> Mapping[str, Mapping[str, Entry]]:
    path = folder / SCORES
    return sections(read_table(path), COLUMNS, methods)[0].entries if path.is_file() else {}


def _numbers(entry: Entry | None, bounded: bool, shared: float = 0.0) -> dict[str, Any]:
    numbers = dict.fromkeys(("mean", "sd", "ci_low", "ci_high"), math.nan)
    if entry is None:
        return {**numbers, "seeds": 0, "chance": math.nan, "note": "no result"}
    notes = [counted(entry.undefined, entry.runs)] if entry.undefined else []
    if entry.seeds < SEEDS:
        notes.append(f"no interval: fewer than {SEEDS} seeds")
    elif shared == 1:
        notes.append("no interval: all seeds have the same test subjects")
    elif math.isfinite(entry.mean):
        half = float(t(entry.seeds - 1).ppf(1 - LEVEL / 2)) * entry.sd / math.sqrt(entry.seeds)
        half *= inflation(entry.seeds, shared)
        low, high = (0.0, 1.0) if bounded else (-math.inf, math.inf)
        numbers |= {"ci_low": max(entry.mean - half, low), "ci_high": min(entry.mean + half, high)}
    return {
        **numbers,
        "mean": entry.mean,
        "sd": entry.sd,
        "seeds": entry.seeds,
        "chance": entry.chance,
        "note": "; ".join(notes),
    }


def _markdown(
    scores: pd.DataFrame,
    axes: Mapping[str, Mapping[str, str]],
    methods: Sequence[str],
    about: About,
    lines: Sequence[str],
) -> str:
    means = scores.set_index(["axis", "value", "score", "method"])["mean"].sort_index()
    places = {name: (axis, value) for axis, values in axes.items() for value, name in values.items()}
    rows = [
        [Cell(name), *(Cell(" / ".join(_text(means[*place, score, method]) for score in SHOWN)) for method in methods)]
        for name, place in sorted(places.items(), key=lambda item: "-" in item[0])
    ]
    return to_markdown(
        [
            heading(about.title("Stress sweep"), 1),
            paragraph(lines[0]),
            items(lines[1:]),
            paragraph(f"{' / '.join(SHOWN[score][1] for score in SHOWN)}; means over seeds:"),
            table(["setting", *methods], rows),
            items(replace(about, seconds={}).lines(methods)),
        ]
    )


def _text(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else MISSING

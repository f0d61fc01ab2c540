"""What the settings of a stress sweep show together: how each method's scores change along each axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import t

from benchmark.data.atomic import atomic_path
from benchmark.report.about import About
from benchmark.report.blocks import heading, items, paragraph, table, to_markdown
from benchmark.report.columns import HEADLINES, PRESERVED, Column
from benchmark.report.grid import Cell
from benchmark.report.statistics.bounds import is_bounded
from benchmark.report.statistics.settings import LEVEL
from benchmark.report.statistics.shared_subjects import inflation
from benchmark.report.stress_criteria import COLLAPSED, QUALITY, holding
from benchmark.report.stress_figure import MANY, SHOWN, stress_figure
from benchmark.report.summary import Entry, sections
from benchmark.report.svg import to_svg
from benchmark.report.text import MISSING, counted
from benchmark.results.read import read_provenance, read_table
from benchmark.results.schema import PROVENANCE, SCORES

#: Seeds that an interval over seeds needs at least.
SEEDS = 3
#: What is read of every setting.
COLUMNS: Sequence[Column] = (*HEADLINES, *(each for each in PRESERVED if each.key in (COLLAPSED, QUALITY)))


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
    order = sorted(places.items(), key=lambda item: "-" in item[0])
    cells = {
        (name, method): Cell(" / ".join(_text(means[*place, score, method]) for score in SHOWN))
        for name, place in order
        for method in methods
    }
    settings = [name for name, _ in order]
    if len(methods) > MANY:
        header = ["method", *settings]
        rows = [[Cell(method), *(cells[name, method] for name in settings)] for method in methods]
    else:
        header = ["setting", *methods]
        rows = [[Cell(name), *(cells[name, method] for method in methods)] for name in settings]
    return to_markdown(
        [
            heading(about.title("Stress sweep"), 1),
            paragraph(lines[0]),
            items(lines[1:]),
            paragraph(f"{' / '.join(SHOWN[score][1] for score in SHOWN)}; means over seeds:"),
            table(header, rows),
            items(replace(about, seconds={}).lines(methods)),
        ]
    )


def _text(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else MISSING

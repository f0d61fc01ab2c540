"""A section of a wide table as a grid, which Markdown, the terminal, LaTeX and the page are made from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmark.report.columns import Column
from benchmark.report.grid import Cell, Footnotes, Grid, Header, number
from benchmark.report.summary import Entry, Section
from benchmark.report.text import CHANCE, SEES_DIAGNOSES, SUPERVISED_ROWS, counted


def section_grid(
    part: Section, columns: Sequence[Column], higher: Mapping[str, bool | None], notes: Footnotes | None = None
) -> Grid:
    """A section of a wide table: a row per method, those that see diagnoses in a block apart, then chance.

    Parameters
    ----------
    part
        The section.
    columns
        Which to show.
    higher
        Whether higher values are better, by column key.
    notes
        Footnotes that other grids share, for missing values and for values that leave something out.
    """
    notes = notes or Footnotes()
    best = {column.key: best_methods(part, column, higher.get(column.key)) for column in columns}
    rows: list[list[Cell]] = []
    apart: list[list[Cell]] = []
    for method, entries in part.entries.items():
        cells = [
            replace(
                number(entry.mean, column.digits, entry.sd),
                best=method in best[column.key],
                marks=notes.marks(*_texts(entry)),
            )
            for column, entry in ((column, entries[column.key]) for column in columns)
        ]
        seeds = part.complete[method]
        of_method = [Cell(method), *cells, Cell(str(seeds), value=float(seeds)), *_train_seconds(part, method)]
        (apart if part.bounds.get(method) == SEES_DIAGNOSES else rows).append(of_method)
    headers = [Header(column.heading, higher.get(column.key)) for column in columns]
    times = [Header("train s", False)] if part.train_seconds else []
    return Grid(
        "",
        "",
        [Header("method"), *headers, Header("seeds"), *times],
        rows,
        [[Cell(CHANCE), *(_chance(part, column) for column in columns), Cell(""), *(Cell("") for _ in times)]],
        notes.listed(),
        apart,
        SUPERVISED_ROWS,
    )


def best_methods(part: Section, column: Column, higher: bool | None) -> set[str]:
    """Methods whose mean, as it is shown, is the best of the compared ones; none without a direction.

    Floor, ceiling and methods that see diagnoses do not compete, and a method alone is not the best of anything.
    """
    if higher is None:
        return set()
    means = {method: entries[column.key].mean for method, entries in part.entries.items()}
    shown = {
        method: round(mean, column.digits)
        for method, mean in means.items()
        if math.isfinite(mean) and method not in part.bounds
    }
    if len(shown) < 2:
        return set()
    best = max(shown.values()) if higher else min(shown.values())
    return {method for method, mean in shown.items() if mean == best}


def _train_seconds(part: Section, method: str) -> list[Cell]:
    return [number(part.train_seconds.get(method, math.nan), 0)] if part.train_seconds else []


def _chance(part: Section, column: Column) -> Cell:
    """Mean chance level over the methods; empty where there is none."""
    found = [entries[column.key].chance for entries in part.entries.values()]
    finite = [level for level in found if math.isfinite(level)]
    return number(sum(finite) / len(finite), min(column.digits, 3)) if finite else Cell("")


def _texts(entry: Entry) -> list[str]:
    return [
        f"{what} {counted(reasons, entry.runs)}"
        for what, reasons in (("Missing:", entry.undefined), ("Note:", entry.left_out))
        if reasons
    ]

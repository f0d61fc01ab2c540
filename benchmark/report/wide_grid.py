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
        Whether higher values are better, by column key; what is tied for best is marked where there is a direction.
    notes
        Footnotes that other grids share, for missing values and for values that leave something out.
    """
    notes = notes or Footnotes()
    rows: list[list[Cell]] = []
    apart: list[list[Cell]] = []
    for method, entries in part.entries.items():
        cells = [
            replace(
                number(entry.mean, column.digits, entry.sd),
                best=higher.get(column.key) is not None and method in part.best.get(column.key, ()),
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

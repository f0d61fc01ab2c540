"""The wide tables, gathered once for LaTeX and for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from benchmark.report.about import About
from benchmark.report.columns import Column
from benchmark.report.held_out import with_held_out
from benchmark.report.page.grid import Cell, Footnotes, Grid, Header, number
from benchmark.report.summary import Entry, Section, sections
from benchmark.report.text import CHANCE, counted, section_title
from benchmark.report.wide_tables import WideTable, wide_tables


@dataclass(frozen=True)
class FilledTable(WideTable):
    """A wide table with its numbers.

    Attributes
    ----------
    sections
        As :func:`benchmark.report.summary.sections` makes them.
    directions
        Whether higher values are better, by column key; None for neither.
    """

    sections: Sequence[Section]
    directions: Mapping[str, bool | None]


def filled_tables(
    scores: pd.DataFrame, method_order: Sequence[str] | None, notes: Sequence[str], about: About | None = None
) -> list[FilledTable]:
    """The wide tables of :func:`benchmark.report.wide_tables.wide_tables` with their numbers.

    Parameters
    ----------
    scores
        Long score table, rows in any order.
    method_order
        Methods in table order; others follow in the alphabet's order.
    notes
        Lines for the footers.
    about
        What else readers are told.
    """
    about = About() if about is None else about
    scores = with_held_out(scores)
    return [
        FilledTable(
            each.name,
            each.title,
            each.columns,
            each.footer,
            about.with_facts(sections(scores, each.columns, method_order)),
            directions(scores, each.columns),
        )
        for each in wide_tables(scores, notes, about, method_order)
    ]


def directions(scores: pd.DataFrame, columns: Sequence[Column]) -> dict[str, bool | None]:
    """Whether higher values are better, by column key; None where the rows say nothing or contradict each other."""
    return {column.key: direction(column.rows(scores)["higher_is_better"]) for column in columns}


def direction(said: pd.Series) -> bool | None:
    """What rows say about the direction; None where they say nothing or contradict each other."""
    found = {bool(value) for value in said.dropna().unique()}
    return found.pop() if len(found) == 1 else None


def best_methods(part: Section, column: Column, higher: bool | None) -> set[str]:
    """Methods whose mean, as it is shown, is the best of the compared ones; none without a direction.

    Floor and ceiling do not compete, and a method alone is not the best of anything.
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


def grids(table: FilledTable) -> list[Grid]:
    """A wide table as grids of the page, one a protocol."""
    return [
        replace(
            grid(part, [column for column in table.columns if column.shown_in(part.protocol)], table.directions),
            identifier=f"{table.name}-{place}",
            caption=f"{table.title}. {section_title(part)}",
        )
        for place, part in enumerate(table.sections, start=1)
    ]


def grid(
    part: Section, columns: Sequence[Column], higher: Mapping[str, bool | None], notes: Footnotes | None = None
) -> Grid:
    """A section of a wide table: a row per method, then chance.

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
    rows = []
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
        times = [number(part.train_seconds.get(method, math.nan), 0) for _ in part.times]
        rows.append([Cell(method), *cells, Cell(str(seeds), value=float(seeds)), *times])
    headers = [Header(column.heading, higher.get(column.key)) for column in columns]
    return Grid(
        "",
        "",
        [Header("method"), *headers, Header("seeds"), *(Header(time, False) for time in part.times)],
        rows,
        [[Cell(CHANCE), *(chance(part, column) for column in columns), Cell(""), *(Cell("") for _ in part.times)]],
        notes.listed(),
    )


def chance(part: Section, column: Column) -> Cell:
    """Mean chance level over the methods; empty where there is none."""
    found = [entries[column.key].chance for entries in part.entries.values()]
    finite = [level for level in found if math.isfinite(level)]
    return number(sum(finite) / len(finite), min(column.digits, 3)) if finite else Cell("")


def _texts(entry: Entry) -> list[str]:
    return [
        f"{what} {counted(reasons, entry.cells)}"
        for what, reasons in (("Missing:", entry.undefined), ("Note:", entry.left_out))
        if reasons
    ]

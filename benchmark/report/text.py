"""Wide tables as Markdown and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from tabulate import tabulate

from benchmark.report.columns import Column
from benchmark.report.summary import Entry, Section

MISSING = "–"
CHANCE = "chance"

_TITLES = {
    "pooled": "Pooled: every site in training, subjects held out",
    "leave_one_site_out": "Leave one site out: the querying site unseen in training",
    "foreign": "Embeddings scored as given",
}

#: Longest method name in the terminal's table.
_NAME_WIDTH = 18


def markdown(title: str, parts: Sequence[Section], columns: Sequence[Column], footer: Sequence[str]) -> str:
    """A wide table as Markdown: a section per protocol, footnotes for what is missing, then the footer."""
    blocks = [f"# {title}"]
    for part in parts:
        blocks.append(f"## {section_title(part)}")
        here = [column for column in columns if column.shown_in(part.protocol)]
        header = ["method", *(column.heading for column in here), "seeds", *part.times]
        rows = [
            [
                method,
                *(shown(entries[column.key], column.digits) for column in here),
                str(part.complete[method]),
                *part.time_of(method),
            ]
            for method, entries in part.entries.items()
        ]
        rows.append([CHANCE, *chance_cells(part, here), "", *("" for _ in part.times)])
        blocks.append(pipe_table(header, rows))
        notes = footnotes(part, here)
        if notes:
            blocks.append("\n".join(f"- {note}" for note in notes))
    blocks.append("\n".join(["---", "", *(f"- {line}" for line in footer)]))
    return "\n\n".join(blocks) + "\n"


def narrow(title: str, parts: Sequence[Section], columns: Sequence[Column]) -> str:
    """A wide table for a terminal of 120 columns: two decimals, some columns left to the files."""
    blocks = []
    for part in parts:
        kept = [column for column in columns if column.terminal and column.shown_in(part.protocol)]
        if not kept:
            continue
        head = [
            ["" if line else "method", *("".join(column.title[line : line + 1]) for column in kept)]
            for line in range(max(len(column.title) for column in kept))
        ]
        rows = [
            [_shortened(method), *(shown(entries[column.key], min(column.digits, 2), "±") for column in kept)]
            for method, entries in part.entries.items()
        ]
        rows.append([CHANCE, *chance_cells(part, kept, 2)])
        # The header goes in as rows: tabulate would widen each column by two under a header of its own.
        table = tabulate(
            head + rows, tablefmt="plain", disable_numparse=True, colalign=["left"] + ["right"] * len(kept)
        )
        lines = [f"{title}. {section_title(part)}", *table.split("\n"), *footnotes(part, kept)]
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(blocks) + "\n"


def section_title(part: Section) -> str:
    """Title of a protocol's section, with the number of held-out sites and seeds."""
    sites = f"{count(part.sites, 'site')}, " if part.protocol == "leave_one_site_out" else ""
    return f"{_TITLES.get(part.protocol, part.protocol)} ({sites}{count(part.seeds, 'seed')})"


def shown(entry: Entry, digits: int, plus_minus: str = " ± ") -> str:
    """Mean ± SD over seeds; a dash where the mean is missing."""
    if not math.isfinite(entry.mean):
        return MISSING
    spread = f"{plus_minus}{entry.sd:.{digits}f}" if math.isfinite(entry.sd) else ""
    return f"{entry.mean:.{digits}f}{spread}"


def chance_cells(part: Section, columns: Sequence[Column], most_digits: int = 3) -> list[str]:
    """Mean chance level over methods, a cell per column; empty where a column has none."""
    cells = []
    for column in columns:
        levels = [entries[column.key].chance for entries in part.entries.values()]
        finite = [level for level in levels if math.isfinite(level)]
        cells.append(f"{np.mean(finite):.{min(column.digits, most_digits)}f}" if finite else "")
    return cells


def footnotes(part: Section, columns: Sequence[Column]) -> list[str]:
    """Say for each missing entry why, and for the others what they leave out; methods that agree share a line."""
    lines: dict[str, dict[str, list[str]]] = {}
    for method, entries in part.entries.items():
        for column in columns:
            found = entries[column.key]
            for sign, reasons in ((MISSING, found.undefined), ("noted", found.left_out)):
                if reasons:
                    text = f"{sign} ({counted(reasons, found.cells)})"
                    lines.setdefault(text, {}).setdefault(column.heading, []).append(method)
    notes = []
    for text, by_column in lines.items():
        by_methods: dict[str, list[str]] = {}
        for heading, methods in by_column.items():
            who = "every method" if len(methods) == len(part.entries) > 1 else ", ".join(methods)
            by_methods.setdefault(who, []).append(heading)
        for who, headings in by_methods.items():
            where = "every column" if len(headings) == len(columns) > 1 else ", ".join(headings)
            notes.append(f"{who}, {where}: {text}")
    return notes


def statistics_note(scores: pd.DataFrame) -> list[str]:
    """Say so where centre and scale came from the scored scans themselves.

    Style codes are always scaled by the scored scans, which is no sign that no row was marked as training.
    """
    given = scores[scores["table"] != "style"]
    if any((given[name] == "all").any() for name in ("centre", "statistics") if name in given):
        return [
            "No row was marked as training: centre, scale and whitening come from all scans of the file, the scored "
            "ones among them (`centre=all`, `statistics=all` in scores.csv)."
        ]
    return []


def counted(reasons: Mapping[str, int], cells: int) -> str:
    """How many of the cells have each reason."""
    return "; ".join(f"{cases} of {count(cells, 'cell')}: {reason}" for reason, cases in sorted(reasons.items()))


def count(number: int, thing: str) -> str:
    """A number with its noun, in the plural where it is due."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def grouped(values: Mapping[str, str]) -> dict[str, list[str]]:
    """Names by their value, both in their first order."""
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return names


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH - 1] + "…"


def pipe_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; its first column is aligned to the left, all others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)

"""Simple Markdown, such as a statistics report, as blocks of the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.report.page.grid import Cell, Grid, Header

_RULE = re.compile(r"\s*:?-+:?\s*")
_NUMBER = re.compile(r"[-−+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?")
_BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Block:
    """A piece of text.

    Attributes
    ----------
    kind
        ``heading``, ``table``, ``list``, ``text``, or ``preformatted`` for lines that are indented or aligned.
    lines
        The heading, the items, or the lines of the text.
    grid
        Of a table.
    """

    kind: str
    lines: Sequence[str] = ()
    grid: Grid | None = None


def blocks(markdown: str, prefix: str = "statistics") -> list[Block]:
    """Headings, pipe tables, lists and paragraphs; everything else is text as it stands.

    Parameters
    ----------
    markdown
        Text. A pipe table is a header line, a line of hyphens, and rows; a cell that begins with a number sorts by
        it. Emphasis, links and HTML are not read: they come out as they were written.
    prefix
        Of the tables' identifiers.
    """
    lines = markdown.splitlines()
    found: list[Block] = []
    place = 0
    tables = 0
    while place < len(lines):
        end = _end_of_table(lines, place)
        if end > place:
            tables += 1
            found.append(Block("table", grid=_grid(lines[place:end], f"{prefix}-{tables}")))
        elif lines[place].startswith("#"):
            end = place + 1
            found.append(Block("heading", [lines[place].lstrip("#").strip()]))
        elif not lines[place].strip() or set(lines[place].strip()) == {"-"}:
            end = place + 1
        else:
            item = _is_item(lines[place])
            end = place
            while end < len(lines) and _continues(lines, end, item):
                end += 1
            chosen = lines[place:end]
            found.append(Block("list", [line[2:] for line in chosen]) if item else Block(_kind(chosen), chosen))
        place = end
    return found


def _kind(lines: Sequence[str]) -> str:
    return "preformatted" if any("  " in line or line[:1].isspace() for line in lines) else "text"


def _is_item(line: str) -> bool:
    return line.startswith(("- ", "* "))


def _continues(lines: Sequence[str], place: int, item: bool) -> bool:
    line = lines[place]
    plain = bool(line.strip()) and not line.startswith("#") and _end_of_table(lines, place) == place
    return plain and _is_item(line) == item


def _end_of_table(lines: Sequence[str], start: int) -> int:
    if start + 1 >= len(lines) or "|" not in lines[start] or "|" not in lines[start + 1]:
        return start
    if not all(_RULE.fullmatch(cell) for cell in _cells(lines[start + 1])):
        return start
    end = start + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    return end


def _grid(lines: Sequence[str], identifier: str) -> Grid:
    header = _cells(lines[0])
    body = [_cells(line) for line in lines[2:]]
    width = max(len(row) for row in (header, *body))
    rows = [[_cell(text, place) for place, text in enumerate([*row, *[""] * (width - len(row))])] for row in body]
    return Grid(identifier, "", [Header(text) for text in [*header, *[""] * (width - len(header))]], rows)


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(inner)]


def _cell(text: str, place: int) -> Cell:
    number = _NUMBER.match(text)
    if place == 0 or (number is None and text not in ("–", "-", "--", "nan", "NaN")):
        return Cell(text)
    return Cell(text, value=float(number[0].replace("−", "-")) if number else float("nan"))

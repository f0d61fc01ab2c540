"""Tables of text and numbers, before it is settled whether they become Markdown, LaTeX or HTML."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from benchmark.report.text import MISSING


@dataclass(frozen=True)
class Header:
    """A column's header.

    Attributes
    ----------
    text
        What it says.
    higher
        Whether higher values are better; None where neither direction is.
    """

    text: str
    higher: bool | None = None


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    text
        What it says; a dash for a missing number.
    spread
        Standard deviation, as text; empty where there is none.
    value
        What a number sorts by, NaN where it is missing; None for text, which sorts by itself.
    best
        Whether it is tied for best of the compared methods.
    marks
        Footnotes that belong to it.
    level
        Shade in [0, 1]; None for none.
    """

    text: str
    spread: str = ""
    value: float | None = None
    best: bool = False
    marks: tuple[str, ...] = ()
    level: float | None = None

    @property
    def key(self) -> str:
        """What the page's script sorts by: shortest text of a number, empty where it is missing."""
        return "" if self.value is None or not math.isfinite(self.value) else f"{self.value:.9g}"


@dataclass(frozen=True)
class Grid:
    """A table that can be sorted.

    Attributes
    ----------
    identifier
        Its `id` in the page: letters, digits and hyphens.
    caption
        What it shows.
    headers
        A header per column; the first column holds the names of the rows.
    rows
        In the order shown at first.
    apart
        Rows that stand in a block of their own after the others, and are sorted among themselves.
    apart_title
        Heading of that block.
    label
        What names it where it has no caption.
    foot
        Rows that stay at the end, such as chance.
    notes
        Footnotes, as mark and text.
    """

    identifier: str
    caption: str
    headers: Sequence[Header]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Sequence[Cell]] = ()
    notes: Sequence[tuple[str, str]] = ()
    apart: Sequence[Sequence[Cell]] = ()
    apart_title: str = ""
    label: str = ""

    @property
    def body(self) -> list[Sequence[Cell]]:
        """All rows but the foot, with the heading of the block apart as a row of its own, where there is one."""
        title = Cell(self.apart_title)
        empty = [Cell("") for _ in self.headers[1:]]
        return [*self.rows, *([[title, *empty], *self.apart] if self.apart else ())]


class Footnotes:
    """Footnotes of one table; equal texts share a mark."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def marks(self, *texts: str) -> tuple[str, ...]:
        """The marks of some texts, in order; an empty text has none."""
        return tuple(self._marks.setdefault(text, letters(len(self._marks))) for text in texts if text)

    def listed(self) -> list[tuple[str, str]]:
        """Mark and text of each, in the order of their first use."""
        return [(mark, text) for text, mark in self._marks.items()]


def letters(position: int) -> str:
    """The footnote mark at a position: a to z, then aa, ab and so on."""
    text = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def number(value: float, digits: int = 3, sd: float = math.nan) -> Cell:
    """Cell of a number with its standard deviation; a dash where it is not finite."""
    if not math.isfinite(value):
        return Cell(MISSING, value=math.nan)
    return Cell(f"{value:.{digits}f}", f"{sd:.{digits}f}" if math.isfinite(sd) else "", value)


def shaded(rows: Iterable[Sequence[Cell]], lowest: float, highest: float) -> list[list[Cell]]:
    """The rows with every number shaded by its place between two bounds, 0 to 1; unshaded where the bounds agree."""
    span = highest - lowest
    return [
        [
            replace(cell, level=(cell.value - lowest) / span)
            if span > 0 and cell.value is not None and math.isfinite(cell.value)
            else cell
            for cell in row
        ]
        for row in rows
    ]

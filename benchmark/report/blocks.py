"""A text with tables as blocks, which Markdown and the page are made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.report.grid import Cell, Grid, Header


@dataclass(frozen=True)
class Block:
    """A piece of a text.

    Attributes
    ----------
    kind
        What it is.
    lines
        The heading, the paragraph or the items; what stands between backticks is code.
    grid
        Of a table.
    level
        Of a heading, 1 for the title.
    """

    kind: Literal["heading", "text", "list", "table"]
    lines: Sequence[str] = ()
    grid: Grid | None = None
    level: int = 0


def heading(text: str, level: int) -> Block:
    """A heading; level 1 is the title."""
    return Block("heading", [text], level=level)


def paragraph(text: str) -> Block:
    """A paragraph of one line."""
    return Block("text", [text])


def items(lines: Iterable[str]) -> Block:
    """A list."""
    return Block("list", list(lines))


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Block:
    """A table; the first cell of a row names it."""
    return Block("table", grid=Grid("", "", [Header(text) for text in headers], rows))


def to_markdown(blocks: Iterable[Block]) -> str:
    """Blocks as Markdown; an empty list is left out, and the first column of a table is aligned to the left."""
    return "\n\n".join(text for text in map(_markdown, blocks) if text) + "\n"


def _markdown(block: Block) -> str:
    if block.grid is not None:
        rows = [*block.grid.body, *block.grid.foot]
        names = [header.text for header in block.grid.headers]
        lines = [names, ["---", *["---:"] * (len(names) - 1)], *([_text(cell) for cell in row] for row in rows)]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    before = {"heading": "#" * block.level + " ", "list": "- "}.get(block.kind, "")
    return "\n".join(before + line for line in block.lines)


def _text(cell: Cell) -> str:
    return f"{cell.text} ± {cell.spread}" if cell.spread else cell.text

"""Simple Markdown."""

from __future__ import annotations

import math

from benchmark.report.page.pipes import blocks

TEXT = """# Title

Words with | a bar,
over two lines.
| a | b \\| c |
|---|---:|
| <x> | -0.5 ± 0.1 |
| y |
- one
- two
Last.
---
"""


def test_blocks():
    found = blocks(TEXT)
    assert [block.kind for block in found] == ["heading", "text", "table", "list", "text"]
    assert found[0].lines == ["Title"]
    assert found[1].lines == ["Words with | a bar,", "over two lines."]
    assert found[3].lines == ["one", "two"]
    grid = found[2].grid
    assert [header.text for header in grid.headers] == ["a", "b | c"]
    assert [[cell.text for cell in row] for row in grid.rows] == [["<x>", "-0.5 ± 0.1"], ["y", ""]]
    assert grid.rows[0][1].value == -0.5


def test_numbers():
    (block,) = blocks("| m | v | w |\n| :-- | --: | :-: |\n| 1 | 2.5e-3 | − |\n| 2 | – | −4 |")
    rows = block.grid.rows
    assert (rows[0][0].value, rows[0][1].value, rows[0][2].value) == (None, 0.0025, None)
    assert math.isnan(rows[1][1].value)
    assert rows[1][2].value == -4


def test_nothing_is_lost_or_endless():
    assert blocks("") == []
    assert blocks("\n\n---\n") == []
    (aligned,) = blocks("a   b\n0.1 0.2")
    assert (aligned.kind, aligned.lines) == ("preformatted", ["a   b", "0.1 0.2"])
    assert blocks("a | b\nc | d")[0].lines == ["a | b", "c | d"]
    assert [block.kind for block in blocks("#\n|\n|")] == ["heading", "text"]

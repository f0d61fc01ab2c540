"""Text with tables, as Markdown."""

from __future__ import annotations

from benchmark.report.blocks import heading, items, paragraph, table, to_markdown
from benchmark.report.grid import Cell, number


def test_markdown():
    rows = [[Cell("a | b"), number(0.25, 2)], [Cell("c"), number(float("nan"))]]
    blocks = [heading("Title", 1), paragraph("Words."), items([]), table(["m", "v"], rows), items(["one", "two"])]
    assert to_markdown(blocks) == (
        "# Title\n\nWords.\n\n| m | v |\n| --- | ---: |\n| a \\| b | 0.25 |\n| c | – |\n\n- one\n- two\n"
    )

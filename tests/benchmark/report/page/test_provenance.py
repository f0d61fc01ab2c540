"""Provenance as tables."""

from __future__ import annotations

from benchmark.report.page.provenance import flat, provenance_grids


def test_flat():
    given = {"a": {"b": 1, "c": {"d": None}}, "e": [1, "x"], "f": [], "g": [{"h": True}], "i": {}}
    assert list(flat(given)) == [
        ("a.b", "1"), ("a.c.d", "unknown"), ("e", "1, x"), ("f", "none"), ("g.1.h", "yes"), ("i", "none"),
    ]  # fmt: skip


def test_run_keys_have_a_table_of_their_own():
    first, second = provenance_grids({"cells": 2, "run_keys": {"a, seed 1": "00ff"}})
    assert [[cell.text for cell in row] for row in first.rows] == [["cells", "2"]]
    assert [[cell.text for cell in row] for row in second.rows] == [["a, seed 1", "00ff"]]
    assert provenance_grids({}) == []

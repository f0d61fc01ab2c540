"""Sections of wide tables as grids."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from benchmark.report.about import About
from benchmark.report.columns import CROSS_SITE_MAP
from benchmark.report.grid import Footnotes, letters, number
from benchmark.report.summary import sections
from benchmark.report.text import SEES_DIAGNOSES
from benchmark.report.wide_grid import section_grid
from benchmark.report.wide_tables import direction, wide_tables
from tests.tables import long_table


def test_letters():
    assert [letters(place) for place in (0, 25, 26, 27, 51, 52, 701, 702)] == [
        "a", "z", "aa", "ab", "az", "ba", "zz", "aaa",
    ]  # fmt: skip


def test_direction():
    assert direction(pd.Series([True, True])) is True
    assert direction(pd.Series([False, None], dtype=object)) is False
    assert direction(pd.Series([True, False])) is None
    assert direction(pd.Series([None], dtype=object)) is None


def test_what_is_tied_for_best_is_marked_where_there_is_a_direction(make_score):
    (part,) = sections(long_table([make_score("a", 0.4), make_score("b", 0.5)]), [CROSS_SITE_MAP], None)
    part = replace(part, best={CROSS_SITE_MAP.key: frozenset({"b"})})
    marks = [
        [row[1].best for row in section_grid(part, [CROSS_SITE_MAP], directions).rows]
        for directions in ({CROSS_SITE_MAP.key: True}, {CROSS_SITE_MAP.key: None}, {})
    ]
    assert marks == [[False, True], [False, False], [False, False]]


def test_rows_that_see_diagnoses_stand_apart(make_score):
    values = {"a": 0.4, "b": 0.5, "supervised": 0.9}
    (part,) = sections(long_table(make_score(*pair) for pair in values.items()), [CROSS_SITE_MAP], None)
    part = replace(part, bounds={"supervised": SEES_DIAGNOSES})
    grid = section_grid(part, [CROSS_SITE_MAP], {CROSS_SITE_MAP.key: True})
    assert [row[0].text for row in grid.rows] == ["a", "b"]
    texts = [[cell.text for cell in row] for row in grid.body[2:]]
    assert texts == [["sees diagnoses of training subjects", "", ""], ["supervised", "0.900", "1"]]


def test_equal_reasons_share_a_note(scores):
    parts = sections(scores, [CROSS_SITE_MAP], ["a", "b", "absent"])
    notes = Footnotes()
    pooled, _ = (section_grid(part, [CROSS_SITE_MAP], {}, notes) for part in parts)
    assert notes.listed() == [
        ("a", "Missing: 1 of 2 runs: no query"),
        ("b", "Missing: 2 of 2 runs: no result"),
        ("c", "Missing: 1 of 4 runs: no result"),
        ("d", "Missing: 4 of 4 runs: no result"),
    ]
    assert [row[1].marks for row in pooled.rows] == [(), ("a",), ("b",)]


def test_grids(scores):
    retrieval = wide_tables(scores, About(methods=["b", "a"], notes=["A note."]))[0]
    assert "A note." in retrieval.footer
    pooled = section_grid(retrieval.sections[0], retrieval.columns, retrieval.directions)
    assert [row[0].text for row in pooled.rows] == ["b", "a"]
    assert (pooled.rows[1][1].text, pooled.rows[1][1].spread) == ("0.700", "0.141")
    assert pooled.rows[0][1].key == ""
    assert pooled.foot[0][1].text == "0.500"


def test_number():
    assert number(0.12345).key == "0.12345"
    assert number(float("nan")).text == "–"
    assert number(-1e-12, 3).key == "-1e-12"

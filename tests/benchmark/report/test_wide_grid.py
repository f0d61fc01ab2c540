"""Sections of wide tables as grids."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from benchmark.report.about import About
from benchmark.report.columns import CROSS_SITE_MAP
from benchmark.report.grid import Footnotes, letters, number
from benchmark.report.summary import sections
from benchmark.report.text import SEES_DIAGNOSES
from benchmark.report.wide_grid import best_methods, section_grid
from benchmark.report.wide_tables import direction, wide_tables
from tests.tables import long_table

BOUNDS = {"random_vectors": "floor", "true_anatomy": "ceiling"}


def test_letters():
    assert [letters(place) for place in (0, 25, 26, 27, 51, 52, 701, 702)] == [
        "a", "z", "aa", "ab", "az", "ba", "zz", "aaa",
    ]  # fmt: skip


def test_direction():
    assert direction(pd.Series([True, True])) is True
    assert direction(pd.Series([False, None], dtype=object)) is False
    assert direction(pd.Series([True, False])) is None
    assert direction(pd.Series([None], dtype=object)) is None


def test_best(make_score):
    values = {"a": 0.4, "b": 0.40004, "c": 0.5, "true_anatomy": 0.9, "random_vectors": 0.1}
    (part,) = sections(long_table(make_score(*pair) for pair in values.items()), [CROSS_SITE_MAP], None)
    assert best_methods(part, CROSS_SITE_MAP, True) == {"true_anatomy"}
    part = replace(part, bounds=BOUNDS)
    assert best_methods(part, CROSS_SITE_MAP, True) == {"c"}
    assert best_methods(part, CROSS_SITE_MAP, False) == {"a", "b"}
    assert best_methods(part, CROSS_SITE_MAP, None) == set()


def test_rows_that_see_diagnoses_stand_apart_and_are_never_best(make_score):
    values = {"a": 0.4, "b": 0.5, "supervised": 0.9}
    (part,) = sections(long_table(make_score(*pair) for pair in values.items()), [CROSS_SITE_MAP], None)
    part = replace(part, bounds={"supervised": SEES_DIAGNOSES})
    grid = section_grid(part, [CROSS_SITE_MAP], {CROSS_SITE_MAP.key: True})
    assert [(row[0].text, row[1].best) for row in grid.rows] == [("a", False), ("b", True)]
    assert [(row[0].text, row[1].best) for row in grid.apart] == [("supervised", False)]
    texts = [[cell.text for cell in row] for row in grid.body[2:]]
    assert texts == [["sees diagnoses of training subjects", "", ""], ["supervised", "0.900", "1"]]


def test_one_compared_method_is_not_best(make_score):
    rows = [make_score("a", 0.4), make_score("random_vectors", 0.1)]
    (part,) = sections(pd.DataFrame(rows), [CROSS_SITE_MAP], None)
    assert best_methods(replace(part, bounds=BOUNDS), CROSS_SITE_MAP, True) == set()


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

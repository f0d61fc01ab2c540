"""Scores of parts of the data."""

from __future__ import annotations

import math

import pytest

from benchmark.report.page.aggregate import aggregate
from benchmark.report.page.every_metric import metric_blocks
from benchmark.report.page.subgroups import matrices, per_site
from benchmark.results.schema import joined
from tests.tables import long_table


def summaries(rows):
    return aggregate(long_table(rows))


def test_per_site(scores, make_score):
    extra = make_score("b", 0.1, seed=1, subgroup="query_site=Y")
    (grid,) = per_site(aggregate(joined([scores, long_table([extra])])), ["b", "a"], {"pooled": "Together"})
    assert grid.caption.endswith("Together")
    assert [header.text for header in grid.headers] == ["method", "X", "Y"]
    # a has X alone, 0.55 and 0.65; b has Y alone. The only two values are the ends of the scale.
    assert [[cell.text for cell in row] for row in grid.rows] == [["b", "–", "0.100"], ["a", "0.600", "–"]]
    assert grid.rows[1][1].level == 1.0
    assert grid.rows[0][2].level == 0.0
    assert per_site(aggregate(scores[scores["subgroup"] == ""]), [], {}) == []


def test_missing_values_of_parts_have_footnotes(make_score):
    undefined = {"note": "no query"}
    rows = [
        make_score("a", 0.5, subgroup="query_site=X"),
        make_score("b", math.nan, subgroup="query_site=X", **undefined),
        make_score("a", math.nan, subgroup="gallery_site=X;query_site=Y", **undefined),
    ]
    found = summaries(rows)
    (grid,) = per_site(found, [], {})
    assert grid.rows[1][1].marks == ("a",)
    assert grid.notes == [("a", "1 of 1 run: no query")]
    (matrix,) = matrices(found, []).matrices
    assert matrix.grid.rows[0][1].marks == ("a",)
    assert matrix.grid.notes == grid.notes


def test_matrices_of_any_metric_with_two_keys(make_score):
    rows = [
        make_score(method, value, subgroup=f"gallery_site={gallery};query_site={query}")
        for method, gallery, query, value in [
            ("a", "X", "Y", 0.1), ("a", "Y", "X", 0.2), ("b", "X", "Y", 0.5), ("b", "Z", "X", 0.3),
        ]
    ]  # fmt: skip
    pair = {"table": "leakage", "metric": "pairwise", "params": "", "higher_is_better": False}
    rows.append(make_score("b", 0.9, subgroup="site_a=X;site_b=Y", **pair))
    found = matrices(summaries([*rows, make_score("a", 0.7)]), ["b", "a"])
    assert found.methods == ["b", "a"]
    assert found.measures[0] == "leakage: pairwise, pooled; lower is better"
    assert found.measures[1].startswith("retrieval: mAP (distance=cosine_centred; gallery=other_sites; ")
    assert [(each.measure, each.method) for each in found.matrices] == [(0, "b"), (1, "b"), (1, "a")]
    first, b, a = found.matrices
    assert first.grid.caption == "Rows: site_a; columns: site_b."
    # The query is the row, and every method's matrix has the same rows and columns.
    assert a.grid.caption == "Rows: query_site; columns: gallery_site."
    assert [header.text for header in a.grid.headers] == ["query_site", "X", "Y", "Z"]
    assert [[cell.text for cell in row] for row in a.grid.rows] == [["X", "", "0.20", ""], ["Y", "0.10", "", ""]]
    # 0.1 to 0.5 over both methods: 0.2 is a quarter of the way, 0.3 half of it.
    assert a.grid.rows[0][2].level == pytest.approx(0.25)
    assert b.grid.rows[0][3].level == pytest.approx(0.5)
    assert first.grid.rows[0][1].level is None


def test_new_metrics_appear_without_code(make_score):
    new = {"table": "quality", "metric": "ssim", "params": "window=7"}
    rows = [
        make_score("a", 0.5, seed=1, **new),
        make_score("a", 0.7, seed=2, **new),
        make_score("a", 0.6, seed=1, subgroup="site=X", **new),
        make_score("a", 0.6, seed=1, subgroup="site=X;stratum=CN", **new),
        make_score("a", 0.6, seed=1, subgroup="age=70;site=X;stratum=CN", n=3, **new),
        make_score("b", 0.6, seed=1, note="why", **new),
        make_score("b", 0.4),
    ]
    blocks = dict(metric_blocks(summaries(rows), ["b", "a"]))
    assert list(blocks) == ["retrieval", "quality"]
    (block,) = blocks["quality"]
    assert (block.metric, block.parameters, block.higher, block.pairs) == ("ssim", "window=7", True, True)
    overall, triple, single = block.grids
    assert [header.text for header in overall.headers] == [
        "method", "protocol", "mean ± SD", "chance", "n", "runs", "note",
    ]  # fmt: skip
    assert [cell.text for cell in overall.rows[0]] == [
        "b", "pooled", "–", "0.500", "10", "2", "1 of 2 runs: no result; 1 of 2 runs: why",
    ]  # fmt: skip
    assert (overall.rows[1][2].text, overall.rows[1][2].spread) == ("0.600", "0.141")
    assert [cell.text for cell in triple.rows[0]][:3] == ["a", "pooled", "age=70; site=X; stratum=CN"]
    assert single.caption == "By site. pooled"
    identifiers = [grid.identifier for group in blocks.values() for each in group for grid in each.grids]
    assert len(identifiers) == len(set(identifiers))


def test_subgroups_that_are_no_list_of_keys(make_score):
    found = summaries([make_score("a", 0.5, subgroup="query_site=a;b"), make_score("a", 0.5, subgroup="odd")])
    assert matrices(found, []).matrices == []
    assert len(metric_blocks(found, [])[0][1][0].grids) == 1

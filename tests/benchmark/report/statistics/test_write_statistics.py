"""The report of the statistics of a results folder, made again from its tables."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.report.about import ABOUT, About
from benchmark.report.blocks import to_markdown
from benchmark.report.results import Results
from benchmark.report.write_statistics import stored_blocks, weighted_blocks, write_statistics
from benchmark.results.write import write_provenance, write_replicates

ORDER = About(methods=["b", "absent", "a"])


@pytest.fixture
def results(replicates, tmp_path):
    write_statistics(replicates, tmp_path, ORDER)
    return Results(tmp_path, replicates, {ABOUT: ORDER.to_json()})


def test_the_stored_tables_say_what_the_markdown_says(results):
    assert to_markdown(stored_blocks(results)) == (results.folder / "statistics.md").read_text(encoding="utf-8")


def test_a_missing_table_is_named(results):
    (results.folder / "statistics_ranks.csv").unlink()
    with pytest.raises(UserError, match="statistics_ranks.csv: is missing, beside other tables"):
        stored_blocks(results)
    for path in results.folder.glob("statistics_*.csv"):
        path.unlink()
    assert stored_blocks(results) == []


def test_tables_of_an_older_release(results):
    path = results.folder / "statistics_comparisons.csv"
    pd.read_csv(path).drop(columns="kind").to_csv(path, index=False)
    assert "older release" in to_markdown(stored_blocks(results))


def test_weighted(replicates, tmp_path):
    write_replicates(replicates, tmp_path)
    write_provenance({ABOUT: ORDER.to_json()}, tmp_path)
    lines = to_markdown(weighted_blocks(tmp_path, {"map_cn_ad": 3, "linear_standardised": 1})).splitlines()
    assert lines[:5] == ["# Weighted score", "", "Weights: map_cn_ad 3, linear_standardised 1.", "", "## pooled"]
    assert lines[6] == "| method | mAP CN/AD | linear std. | weighted | rank | best under | ranks |"
    # Methods in table order; the best in both is first under all weights.
    (b, a) = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines[8:10])
    assert [b[0], a[0], a[4:]] == ["b", "a", ["1", "100%", "1 to 1"]]
    assert float(a[3]) == pytest.approx((3 * float(a[1]) + 1 - float(a[2])) / 4, abs=1e-3)
    # A score that a protocol lacks leaves its weighted mean missing.
    assert [line for line in lines if line.startswith("| b ")][1].endswith(" | – | – | – | – | – |")

"""The report of the statistics, as Markdown and as tables."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.report.blocks import to_markdown
from benchmark.report.columns import LEAKAGE, RETRIEVAL
from benchmark.report.statistics.report import statistics_blocks
from benchmark.report.statistics.settings import StatisticsSettings
from benchmark.report.statistics.summary import statistics

COLUMNS = (*RETRIEVAL, *LEAKAGE)
SETTINGS = StatisticsSettings(resamples=200, reference="a", primary_scores=("map_cn_ad", "linear_standardised"))


@pytest.fixture
def found(replicates):
    return statistics(replicates, COLUMNS, SETTINGS)


def markdown(*given):
    return to_markdown(statistics_blocks(*given))


def test_order_of_rows_has_no_effect(replicates, found):
    assert markdown(found) == markdown(statistics(replicates.sample(frac=1, random_state=1), COLUMNS, SETTINGS))


def test_nothing_and_one_method(replicates):
    assert markdown(statistics(replicates.iloc[:0], COLUMNS)) == "# Statistics between methods\n"
    assert "No primary comparison" in markdown(statistics(replicates[replicates["method"] == "a"], COLUMNS))


def test_numbers_of_tables_sort_by_what_was_computed(found):
    first, *_, last = [block.grid for block in statistics_blocks(found, ["c", "a"]) if block.grid is not None]
    mean = found.intervals.set_index(["protocol", "score", "method"])["value"]
    assert [cell.value for cell in first.rows[0]] == [None, *(mean["pooled", "map_cn_ad", name] for name in "cab")]
    assert [header.text for header in last.headers][1:3] == ["n", "seeds"]
    assert [type(cell.value) for cell in last.rows[0]][:2] == [type(None), int]


def test_markdown(found):
    text = markdown(found, ["c", "absent", "a"])
    lines = text.splitlines()
    assert "## pooled (3 seeds)" in lines
    assert "## leave_one_site_out (2 sites, 2 seeds)" in lines
    assert "| score | c | absent | a | b |" in lines
    value = found.intervals.set_index(["protocol", "score", "method"]).loc[("pooled", "map_cn_ad", "a")]
    cell = f"{value['value']:.3f} [{value['ci_low']:.3f}, {value['ci_high']:.3f}]"
    (first,) = [line for line in lines if line.startswith("| mAP CN/AD |") and cell in line]
    assert first.split(" | ")[2:4] == ["–", cell]
    assert "- c, mAP CN/AD: – (1 of 4 runs: no result)" in lines
    assert "- Covers resampled seeds only, because the score is not resampled over subjects: linear std." in lines
    assert "- Covers resampled seeds, and resampled subjects within each: mAP CN/AD" in lines


def test_markdown_lists_what_is_beyond_chance(found):
    beyond = found.comparisons[found.comparisons["beyond_chance"]]
    assert len(beyond)
    text = markdown(found)
    assert "Primary comparisons: a with each other method, on mAP CN/AD, linear std.\n" in text
    for row in beyond.to_dict("records"):
        (line,) = [
            line
            for line in text.splitlines()
            if f"| {row['method_b']} | {-row['difference']:+.3f} |" in line and line.endswith(f"| {row['better']} |")
        ]
        assert line.startswith(("| mAP CN/AD |", "| linear std. |"))
    pooled = int((beyond["protocol"] == "pooled").sum())
    assert f"{pooled} of 4 tested differences beyond chance" in text
    # a and b alone miss no run: one pair, with two seeds, p = 1/101.
    assert "1 of 1 tested difference beyond chance at 0.05" in text
    assert "(1 bootstrap over subjects); 1 could not be tested." in text


def test_markdown_marks_what_nobody_declared(found):
    text = markdown(found)
    part = text.split("### Exploratory differences")[1].split("###")[0]
    pair = found.comparisons[(found.comparisons["kind"] == "exploratory") & (found.comparisons["p"] < 0.05)]
    assert len(pair)
    assert (
        f"{int((pair['protocol'] == 'pooled').sum())} of 2 other differences have an uncorrected p below 0.05" in part
    )
    assert "these are hints, no claims" in part
    assert found.comparisons.loc[pair.index, "p_holm"].isna().all()


def test_markdown_says_what_no_test_could_find(row, frame):
    random = np.random.default_rng(0)
    rows = [
        row(method, value, replicates=value + 0.001 * random.normal(size=50))
        for method, value in zip("abcd", (0.1, 0.3, 0.6, 0.9), strict=True)
    ]
    found = statistics(frame(rows), COLUMNS, StatisticsSettings(reference="a"))
    # Three pairs with the smallest p there is, 1/51: Holm gives 3/51 = 0.059.
    assert found.comparisons["p_holm"][:3].tolist() == pytest.approx([3 / 51] * 3)
    text = markdown(found)
    assert "smallest p, 1/51 with 50 resamples, is above 0.05 after correction over 3 tests" in text
    assert "Covers resampled subjects of one seed; another seed (training, data set) may differ by more" in text


def test_detectable_beyond_the_scale(row, frame):
    rows = [
        row(method, value, seed=seed)
        for method, values in (("a", (0.1, 0.9)), ("b", (0.5, 0.4)))
        for seed, value in enumerate(values)
    ]
    assert "| > 1 |" in markdown(statistics(frame(rows), COLUMNS))

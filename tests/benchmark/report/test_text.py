"""Wide tables as text."""

from __future__ import annotations

import pytest

from benchmark.configs import METHODS
from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, RETRIEVAL, Column
from benchmark.report.summary import sections
from benchmark.report.tables import markdown, narrow
from benchmark.report.text import footnotes, shortened
from tests.tables import wide_table

RANK = Column("rank", ("eff.", "rank"), "structure", "effective_rank", digits=1)

EXPECTED = """\
# Leakage

## Pooled: every site in training, subjects held out (2 seeds)

| method | mAP CN/AD | eff. rank | seeds |
| --- | ---: | ---: | ---: |
| a | 0.700 ± 0.141 | 2.5 ± 0.7 | 2 |
| b | – | – | 2 |
| chance | 0.500 |  |  |

- b, mAP CN/AD: – (1 of 2 runs: no query)
- b, eff. rank: – (2 of 2 runs: no result)

## Leave one site out: the querying site unseen in training (2 sites, 2 seeds)

| method | mAP CN/AD | eff. rank | seeds |
| --- | ---: | ---: | ---: |
| a | 0.350 ± 0.212 | – | 2 |
| b | – | – | 1 |
| chance | 0.500 |  |  |

- every method, eff. rank: – (4 of 4 runs: no result)
- b, mAP CN/AD: – (1 of 4 runs: no result)

---

- Model selection: none.
"""


def test_markdown_by_hand(scores):
    columns = [CROSS_SITE_MAP, RANK]
    assert markdown(wide_table(scores, columns, "Leakage", ["Model selection: none."])) == EXPECTED


def test_one_seed_has_no_spread(scores):
    columns = [CROSS_SITE_MAP]
    text = markdown(wide_table(scores[scores["seed"] == 1], columns))
    assert "| a | 0.600 | 1 |" in text


def test_what_a_value_leaves_out_is_said_once_for_all_methods(scores):
    scores["note"] = scores["note"].where(scores["value"].isna(), "3 of 9 queries have no relevant scan")
    pooled = sections(scores[scores["method"] == "a"], [CROSS_SITE_MAP], None)[0]
    assert footnotes(pooled, [CROSS_SITE_MAP]) == [
        "a, mAP CN/AD: noted (2 of 2 runs: 3 of 9 queries have no relevant scan)"
    ]


def test_terminal_lines_fit(scores):
    long = scores.replace({"method": {"a": "a_method_with_quite_a_long_name"}})
    # As wide as it gets: the same numbers in every column.
    for columns in (RETRIEVAL, LEAKAGE):
        table = wide_table(long, columns)
        for part in table.sections:
            for entries in part.entries.values():
                entries |= dict.fromkeys(entries, entries["map_cn_ad"])
        text = narrow(table)
        lines = [line for line in text.split("\n") if not line.startswith("b, ")]
        assert max(map(len, lines)) <= 120
        assert "a_method…long_name" in text


@pytest.mark.parametrize("width", [18, 20, 22])
def test_shipped_methods_can_be_told_apart_where_names_are_short(width):
    names = {path.stem for path in METHODS.glob("*.yaml")}
    shown = {shortened(name, width) for name in names}
    assert len(shown) == len(names)
    assert max(map(len, shown)) == width

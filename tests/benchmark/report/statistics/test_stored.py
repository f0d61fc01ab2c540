"""Statistics as they are read back."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmark.errors import UserError
from benchmark.report.about import About
from benchmark.report.statistics.stored import TABLES, stored_statistics
from benchmark.report.statistics.summary import statistics
from benchmark.report.write_statistics import with_reference, write_statistics


def test_numbers_come_back_exactly(replicates, tmp_path):
    write_statistics(replicates, tmp_path, About(methods=["a"]))
    made = statistics(replicates, settings=with_reference(None, replicates, ["a"]))
    for name in TABLES:
        kept, back = getattr(made, name), stored_statistics(tmp_path, name)
        assert list(back) == list(kept)
        for column in kept:
            assert back[column].dtype == kept[column].dtype
            pd.testing.assert_series_equal(back[column], kept[column], check_exact=True)


def test_a_folder_without_them(tmp_path):
    assert stored_statistics(tmp_path, "ranks") is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ci_low", "low", "statistics_intervals.csv: column 'ci_low' is missing; needed: protocol, score"),
        ("\npooled,map_cn_ad,retrieval,mAP,a,", "\npooled,map_cn_ad,retrieval,mAP,a,x", "row 1, column 'value': 'x0."),
        (",True,\n", ",no,\n", "column 'higher_is_better': 'no' is not allowed; allowed: True, False"),
        ("protocol", "pro\x00", "statistics_intervals.csv: "),
    ],
)
def test_what_cannot_be_used_is_named(replicates, tmp_path, old, new, message):
    write_statistics(replicates, tmp_path, About(methods=["a"]))
    path = tmp_path / "statistics_intervals.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        stored_statistics(tmp_path, "intervals")


def test_a_truth_that_is_none_is_named(replicates, tmp_path):
    write_statistics(replicates, tmp_path, About(methods=["a"]))
    path = tmp_path / "statistics_comparisons.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[0, "beyond_chance"] = "no"
    table.to_csv(path, index=False)
    with pytest.raises(UserError, match="column 'beyond_chance': 'no' is not allowed; allowed: True, False"):
        stored_statistics(tmp_path, "comparisons")

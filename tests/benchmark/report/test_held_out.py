"""Leakage of the held-out site beside that of the same site when it was trained on."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from benchmark.report.about import About
from benchmark.report.columns import HELD_OUT_EXCESS, LEAKAGE, OF_HELD_OUT_SITE, scored
from benchmark.report.held_out import held_out_comparison, with_held_out
from benchmark.report.summary import sections
from benchmark.report.tables import format_terminal, narrow, write_tables
from tests.tables import long_table, wide_table

MLP = "coordinates=standardised;folds=5;probe=mlp"
LOSO = "leave_one_site_out"

#: Recall of sites X and Y by method a: (seed, held-out site) to (X, Y); pooled without a held-out site.
RECALLS = {
    (1, ""): (0.2, 0.4), (1, "X"): (0.5, 0.9), (1, "Y"): (0.9, 0.6),
    (2, ""): (0.3, 0.3), (2, "X"): (0.4, 0.8), (2, "Y"): (0.8, 0.4),
    (3, ""): (0.1, 0.3), (3, "X"): (0.6, 0.7), (3, "Y"): (0.7, 0.5),
}  # fmt: skip


@pytest.fixture
def leaky(make_score):
    rows = []
    for (seed, site), recalls in RECALLS.items():
        run = {"protocol": LOSO if site else "pooled", "held_out_site": site, "seed": seed}
        given = {**run, "table": "leakage", "version": 3, "params": MLP, "higher_is_better": False}
        rows.append(make_score("a", sum(recalls) / 2, metric="balanced_accuracy", **given | {"chance": 0.25}))
        for name, recall in zip("XY", recalls, strict=True):
            rows.append(
                make_score("a", recall, metric="recall", subgroup=f"site={name}", **given | {"chance": math.nan})
            )
    return long_table(rows)


def test_by_hand(leaky):
    entries = sections(with_held_out(leaky), [*OF_HELD_OUT_SITE, *HELD_OUT_EXCESS], None)[1].entries["a"]
    held_out, trained_on = entries["mlp_standardised_held_out_site"], entries["mlp_standardised_trained_on_site"]
    # Seeds: (0.5 + 0.6) / 2, (0.4 + 0.4) / 2, (0.6 + 0.5) / 2; not 0.9, 0.8, 0.7, which are of sites that were seen.
    assert held_out.mean == pytest.approx((0.55 + 0.40 + 0.55) / 3)
    assert trained_on.mean == pytest.approx((0.30 + 0.30 + 0.20) / 3)
    assert entries["mlp_standardised_held_out_site_excess"].mean == pytest.approx(0.7 / 3)
    assert held_out.chance == trained_on.chance == 0.25


def test_the_difference_is_tested_over_seeds(leaky):
    (row,) = held_out_comparison(leaky).to_dict("records")
    expected = ttest_1samp([0.25, 0.10, 0.35], 0.0)
    low, high = expected.confidence_interval(0.95)
    assert (row["difference"], row["p"]) == pytest.approx((0.7 / 3, expected.pvalue))
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high))
    assert row["same_site_trained_on"] == pytest.approx(0.8 / 3)
    assert (row["seeds"], row["runs"], row["probe"], row["coordinates"]) == (3, 6, "mlp", "standardised")


def test_seeds_that_share_subjects_tell_less(leaky):
    (alone,), (shared,) = (held_out_comparison(leaky, share).to_dict("records") for share in (0.0, 0.25))
    # The standard error is sqrt(1 + 3 * 0.25 / 0.75) times as large.
    wider = (alone["ci_high"] - alone["ci_low"]) * math.sqrt(2)
    assert shared["ci_high"] - shared["ci_low"] == pytest.approx(wider)
    assert shared["p"] > alone["p"]
    (same,) = held_out_comparison(leaky, 1.0).to_dict("records")
    assert math.isnan(same["p"])
    assert same["note"] == "all seeds have the same test subjects"


def test_two_seeds_are_no_test(leaky):
    (row,) = held_out_comparison(leaky[leaky["seed"] < 3]).to_dict("records")
    assert row["difference"] == pytest.approx(0.175)
    assert math.isnan(row["p"])
    assert row["note"] == "fewer than 3 seeds with a pooled run"


def test_without_a_pooled_run_there_is_nothing_to_compare_with(leaky):
    table = with_held_out(leaky[leaky["protocol"] == LOSO])
    entries = sections(table, OF_HELD_OUT_SITE, None)[0].entries["a"]
    assert entries["mlp_standardised_held_out_site"].mean == pytest.approx(0.5)
    assert math.isnan(entries["mlp_standardised_trained_on_site"].mean)
    assert dict(entries["mlp_standardised_trained_on_site"].undefined) == {"no result": 6}


def test_tables_have_the_columns_where_sites_are_held_out_and_nowhere_else(leaky, tmp_path):
    write_tables(leaky, tmp_path, About())
    pooled, held_out = (tmp_path / "leakage.md").read_text().split("## ")[1:]
    assert "MLP std. held-out site" not in pooled
    assert "held_out" not in pooled
    assert "| MLP std. held-out site | MLP std. same site trained on |" in held_out
    assert "| 0.500 ± 0.087 | 0.267 ± 0.058 |" in held_out
    assert "did not see that site" in held_out
    assert len(pd.read_csv(tmp_path / "leakage_held_out.csv")) == 1
    only_pooled = leaky[leaky["protocol"] == "pooled"]
    write_tables(only_pooled, tmp_path / "pooled", About())
    assert not (tmp_path / "pooled" / "leakage_held_out.csv").exists()
    assert "held-out site:" not in (tmp_path / "pooled" / "leakage.md").read_text()
    assert [column.key for column in scored(LEAKAGE, only_pooled) if column.protocol] == []


def test_the_terminal_shows_them_and_has_room(leaky):
    assert "Leakage of the held-out site. Leave one site out" in format_terminal(leaky, About())
    long = with_held_out(leaky.replace({"method": {"a": "a_method_with_quite_a_long_name"}}))
    table = wide_table(long, OF_HELD_OUT_SITE)
    for part in table.sections:
        for entries in part.entries.values():
            entries |= dict.fromkeys(entries, entries["mlp_standardised_held_out_site"])
    lines = narrow(table).split("\n")
    assert any("0.50±0.09" in line for line in lines)
    assert max(map(len, lines)) <= 120

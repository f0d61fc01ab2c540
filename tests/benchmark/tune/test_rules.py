"""Rules by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.tune.report import picks, to_markdown
from benchmark.tune.rules import TERMS, agreement, chosen, mean_ranks, view_match


def measured(*rows):
    return pd.DataFrame(rows, columns=["method", "trial", "settings", "seed", *TERMS])


TABLE = measured(
    ("a", 1, "{}", 1, 0.9, 0.3, 0.5, 0.60), ("a", 2, "{x: 1}", 1, 0.8, 0.2, 0.5, 0.70),
    ("a", 3, "{x: 2}", 1, 0.7, np.nan, 0.9, 0.65),
    ("a", 1, "{}", 2, 0.9, 0.1, 0.9, 0.60), ("a", 2, "{x: 1}", 2, 0.8, 0.2, 0.8, 0.70),
    ("a", 3, "{x: 2}", 2, 0.7, 0.3, 0.7, 0.65),
    ("b", 1, "{}", 1, np.nan, 0.9, 0.1, 0.5), ("b", 2, "{y: 2}", 1, np.nan, 0.8, 0.1, 0.5),
)  # fmt: skip


def test_terms_are_those_of_the_rules():
    assert TERMS == ("ssim", "site_probe", "own_view_found", "map_cn_ad")


def test_ranks_are_means_over_terms_and_seeds_with_shared_ties():
    ranks = mean_ranks(TABLE, ("ssim", "site_probe", "own_view_found"))
    # a, seed 1: SSIM 1, 2, 3; probe 2, 1, 3 (undefined); own view 2.5, 2.5, 1. Seed 2: 1, 2, 3 in each.
    # b has no reconstruction: its trials share that rank.
    expected = {("a", 1): 8.5 / 6, ("a", 2): 11.5 / 6, ("a", 3): 16 / 6, ("b", 1): 5 / 3, ("b", 2): 4 / 3}
    assert ranks.to_dict() == pytest.approx(expected)
    assert chosen(ranks) == {"a": 1, "b": 2}
    assert picks(TABLE) == {"unsupervised": {"a": 1, "b": 2}, "diagnoses": {"a": 2, "b": 2}}


def test_rules_agree_where_they_order_alike():
    first = mean_ranks(TABLE, ("map_cn_ad",))
    assert agreement(first, first)["a"] == 1.0
    assert agreement(first, -first)["a"] == -1.0
    assert np.isnan(agreement(first, first)["b"])


def test_own_views_are_counted_around_the_centre():
    centre = np.array([5.0, 5.0])
    ldr = centre + np.array([[1, 0], [0, 1], [-1, 0]])
    # The first two have each other's views, the third its own.
    of_views = centre + np.array([[0.1, 2], [3, 0.1], [-1, 0.1]])
    assert view_match(ldr, of_views, centre) == pytest.approx(1 / 3)
    assert view_match(ldr, ldr, centre) == 1


def test_the_table_has_every_trial_and_marks_what_each_rule_chooses():
    lines = to_markdown(TABLE).splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")][1:]
    assert [row[:3] for row in rows] == [
        ["a", "1", "its own"], ["a", "2", "x: 1"], ["a", "3", "x: 2"], ["b", "1", "its own"], ["b", "2", "y: 2"],
    ]  # fmt: skip
    assert rows[2][3:7] == ["0.700 / 0.700", "– / 0.300", "0.900 / 0.700", "0.650 / 0.650"]
    assert [row[7].startswith("**") for row in rows] == [True, False, False, False, True]
    assert [row[8].startswith("**") for row in rows] == [False, True, False, False, True]
    assert "The same trial is chosen for b." in lines[-1]

"""Rules by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.tune.report import picks, to_markdown
from benchmark.tune.rules import ORACLE, TERMS, agreement, chosen, mean_ranks, method_ranks, order_agreement, view_match

NAN = np.nan
RULES = ["unsupervised", "diagnoses"]


def measured(*rows):
    """Rows of method, trial, settings, seed, failed, then the terms of all rules and the oracle's."""
    names = ["method", "trial", "settings", "seed", "failed", *TERMS, *ORACLE.terms]
    return pd.DataFrame(rows, columns=names).assign(trainings=1, train_seconds=30.0)


TABLE = measured(
    ("a", 1, "{}", 1, 0, 0.9, 0.3, 0.5, 0.60, 0.5, 0.4, 0.50, 0.4),
    ("a", 2, "{x: 1}", 1, 0, 0.8, 0.2, 0.5, 0.70, 0.6, 0.3, 0.60, 0.5),
    ("a", 3, "{x: 2}", 1, 0, 0.7, NAN, 0.9, 0.65, 0.7, 0.2, 0.70, 0.3),
    ("a", 1, "{}", 2, 0, 0.9, 0.1, 0.9, 0.60, 0.5, 0.4, 0.50, 0.4),
    ("a", 2, "{x: 1}", 2, 0, 0.8, 0.2, 0.8, 0.70, 0.6, 0.3, 0.60, 0.5),
    ("a", 3, "{x: 2}", 2, 0, 0.7, 0.3, 0.7, 0.65, 0.7, 0.2, 0.74, 0.3),
    ("b", 1, "{}", 1, 0, NAN, 0.9, 0.1, 0.5, 0.5, 0.9, 0.40, 0.9),
    ("b", 2, "{y: 2}", 1, 0, NAN, 0.8, 0.1, 0.5, 0.5, 0.8, 0.45, 0.8),
)  # fmt: skip


def cells(line):
    return [cell.strip() for cell in line.split("|")[1:-1]]


def table_after(lines, title):
    """Rows of the first table after a heading."""
    below = lines[lines.index(title) :]
    start = next(place for place, line in enumerate(below) if line.startswith("|"))
    rows = []
    for line in below[start:]:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def test_terms_are_those_of_the_rules():
    assert TERMS == ("ssim", "site_probe", "own_view_found", "map_cn_ad", "unseen_map_cn_ad", "unseen_site_probe")


def test_ranks_are_means_over_terms_and_seeds_with_shared_ties():
    ranks = mean_ranks(TABLE, ("ssim", "site_probe", "own_view_found"))
    # a, seed 1: SSIM 1, 2, 3; probe 2, 1, 3 (undefined); own view 2.5, 2.5, 1. Seed 2: 1, 2, 3 in each.
    # b has no reconstruction: its trials share that rank.
    expected = {("a", 1): 8.5 / 6, ("a", 2): 11.5 / 6, ("a", 3): 16 / 6, ("b", 1): 5 / 3, ("b", 2): 4 / 3}
    assert ranks.to_dict() == pytest.approx(expected)
    assert chosen(ranks) == {"a": 1, "b": 2}
    assert picks(TABLE, [*RULES, "leave_one_training_site_out"]) == {
        "unsupervised": {"a": 1, "b": 2}, "diagnoses": {"a": 2, "b": 2},
        "leave_one_training_site_out": {"a": 3, "b": 2},
    }  # fmt: skip


def test_a_trial_of_which_a_training_failed_is_not_chosen():
    failed = TABLE.copy()
    failed.loc[(failed["method"] == "a") & (failed["trial"] == 1) & (failed["seed"] == 2), "failed"] = 1
    failed.loc[failed["method"] == "b", "failed"] = 1
    assert picks(failed, ["unsupervised"]) == {"unsupervised": {"a": 2}}
    text = to_markdown(failed, RULES, tested="labels of test subjects")
    assert "never chosen: a 1 (1 training), b 1 (1 training), b 2 (1 training)." in text


def test_rules_agree_where_they_order_alike():
    first = mean_ranks(TABLE, ("map_cn_ad",))
    assert agreement(first, first)["a"] == 1.0
    assert agreement(first, -first)["a"] == -1.0
    assert np.isnan(agreement(first, first)["b"])


def test_methods_are_ranked_by_what_all_of_them_have():
    seeds = TABLE[(TABLE["method"] != "b")]
    both = pd.concat([TABLE, TABLE[TABLE["method"] == "b"].assign(seed=2), seeds.assign(method="c", map_cn_ad=0.4)])
    # SSIM is not counted, as b has none. The probe of c's third trial is missing for one seed alone: last there.
    ranks = method_ranks(both, {"a": 1, "b": 1, "c": 3}, ("ssim", "site_probe", "map_cn_ad"))
    # Probe, seed 1: a 0.3, b 0.9, c missing; seed 2: a 0.1, b 0.9, c 0.3. mAP: a 0.6, b 0.5, c 0.4.
    assert ranks.to_dict() == pytest.approx({"a": 1.0, "b": (2 + 2 + 3 + 2) / 4, "c": (3 + 3 + 2 + 3) / 4})
    assert method_ranks(both, {"a": 1, "b": 1}, ("ssim",)).isna().all()
    assert order_agreement(ranks, ranks) == 1.0
    # Of methods that both orders have.
    assert order_agreement(ranks, pd.Series({"c": 1.0, "a": 2.0})) == -1.0


def test_own_views_are_counted_around_the_centre():
    centre = np.array([5.0, 5.0])
    ldr = centre + np.array([[1, 0], [0, 1], [-1, 0]])
    # The first two have each other's views, the third its own.
    of_views = centre + np.array([[0.1, 2], [3, 0.1], [-1, 0.1]])
    assert view_match(ldr, of_views, centre) == pytest.approx(1 / 3)
    assert view_match(ldr, ldr, centre) == 1


def test_the_table_has_every_trial_and_marks_what_each_rule_chooses():
    lines = to_markdown(TABLE, RULES).splitlines()
    rows = table_after(lines, "# Choice of settings")
    assert [[row[name] for name in ("method", "trial", "settings")] for row in rows] == [
        ["a", "1", "its own"], ["a", "2", "x: 1"], ["a", "3", "x: 2"], ["b", "1", "its own"], ["b", "2", "y: 2"],
    ]  # fmt: skip
    assert list(rows[2].values())[3:7] == ["0.700 / 0.700", "– / 0.300", "0.900 / 0.700", "0.650 / 0.650"]
    marked = {rule: [row[f"rank, {rule}"].startswith("**") for row in rows] for rule in RULES}
    assert marked == {"unsupervised": [True, False, False, False, True], "diagnoses": [False, True, False, False, True]}
    assert not any("unseen" in name or "test" in name for name in rows[0])
    assert "The same trial is chosen for b." in "\n".join(lines)
    assert table_after(lines, "## Compute")[0] == {
        "method": "a", "trials": "3", "trainings": "6", "seconds": "180", "a training": "30.0", "time": "3 min",
    }  # fmt: skip
    assert not any("test labels costs" in line for line in lines)


def test_the_oracle_shows_what_a_choice_without_test_labels_costs():
    lines = to_markdown(TABLE, RULES, tested="labels of test subjects").splitlines()
    rows = table_after(lines, "## What choosing without test labels costs")
    found = {(row["method"], row["chosen by"]): row for row in rows}
    assert [found["a", rule]["trial"] for rule in ("own settings", *RULES, "oracle")] == ["1", "1", "2", "3"]
    assert found["a", "oracle"]["test mAP CN/AD (higher)"] == "0.720"
    assert found["a", "diagnoses"]["test mAP CN/AD, minus the oracle's"] == "-0.120"
    assert found["a", "diagnoses"]["test site leakage, MLP, minus the oracle's"] == "+0.200"
    # b loses nothing by either rule.
    assert any("diagnoses test mAP CN/AD -0.060, test site leakage, MLP +0.100" in line for line in lines)
    order = [line for line in lines if line.startswith("Kendall's tau-b of the methods' order")]
    assert "unsupervised and oracle 1.00" in order[-1]

"""Counting of words: small studies of few sites, the cheapest probe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.simulation.statements import (
    LEAKAGE,
    RANKS,
    SEARCH,
    SETTINGS,
    Scorer,
    count_findings,
    count_ties,
    count_verdicts,
    shares,
)
from benchmarks.simulation.studies import Method, Study, runs

STUDY = Study("small", (12, 8), (1, 2), travelling=4, dimensions=3)
QUICK = replace(SETTINGS, probes=("linear",), inner_folds=0, permutations=1, bootstrap=50)


@pytest.mark.parametrize("subjects", ["new", "split"])
def test_methods_see_the_same_scans_and_seeds_others(subjects):
    made = {(name, seed): table for name, seed, table in runs(STUDY, {"a": Method(), "b": Method()}, 2, subjects, 5)}
    known = ["subject_id", "session_id", "site", "diagnosis", "age", "sex"]
    for seed in range(2):
        assert made["a", seed][known].equals(made["b", seed][known])
        assert not np.allclose(made["a", seed]["z0"], made["b", seed]["z0"])
        # 12 subjects of one scan, 8 of two, and 4 at both sites.
        assert made["a", seed]["subject_id"].nunique() == 24
        assert made["a", seed].groupby("site").size().tolist() == [16, 20]
    assert not made["a", 0][known].equals(made["a", 1][known])
    shared = set(made["a", 0]["age"]) & set(made["a", 1]["age"])
    assert bool(shared) == (subjects == "split")


def test_a_site_that_anybody_sees_is_found_and_kept_scores_give_the_same_words(tmp_path):
    scorer = Scorer(QUICK, tmp_path)
    scores, _ = scorer.runs(STUDY, {"a": Method(site=5.0)}, 1, "new", [LEAKAGE], 1)
    again, _ = scorer.runs(STUDY, {"a": Method(site=5.0)}, 1, "new", [LEAKAGE], 1)
    assert scores["value"].equals(again["value"])
    probes = scores[(scores["metric"] == "balanced_accuracy") & (scores["subgroup"] == "")]
    assert (probes["value"] > 0.9).all()


def test_values_are_those_of_retrieval():
    both = Scorer(QUICK).runs(STUDY, {"a": Method(disease=1.0)}, 1, "new", [RANKS, SEARCH], 3)[0]
    ranks, searches = np.array_split(both.loc[both["subgroup"] == "", "value"].to_numpy(), 2)
    np.testing.assert_allclose(ranks, searches)


def test_counts_are_shares_of_every_design(tmp_path):
    scorer = Scorer(QUICK)
    for found, designs in (
        (count_verdicts([STUDY], range(2), 0, scorer), 2),
        (count_findings(STUDY, range(2), 0, scorer), 6),
        (count_ties(Study("tiny", (12, 12), dimensions=3), range(2), 0, scorer), 8),
    ):
        table = shares(found)
        assert len(table) == designs
        counted = [share for rows in found.values() for row in rows for share in row.values()]
        assert all(0 <= share <= 1 for share in counted if not np.isnan(share))
    assert "best_unmarked" in table

"""What a design cannot show is told before it runs."""

from __future__ import annotations

import pandas as pd

from benchmark.report.statistics.reach import out_of_reach, too_few_resamples

METHODS = ["a", "b", "c", "d"]


def test_too_few_resamples_for_one_seed():
    # Three pairs by two scores: Holm asks for a p below 0.05 / 6 = 1 / 120, which 119 resamples just miss.
    (line,) = out_of_reach(METHODS, "a", ["one", "two"], {"pooled": 1}, 119)
    assert line == (
        "pooled: no difference can be shown: 6 primary comparisons with 1 seed need a p below 0.05/6, and 119 "
        "resamples give none below 1/120; set evaluation.bootstrap to 120 or more, or give 3 seeds"
    )
    assert out_of_reach(METHODS, "a", ["one", "two"], {"pooled": 1}, 120) == []


def test_three_seeds_are_tested_by_t():
    assert out_of_reach(METHODS, "a", ["one"], {"pooled": 3, "leave_one_site_out": 2}, 0) == [
        "leave_one_site_out: no difference can be shown: 3 primary comparisons with 2 seeds need a p below 0.05/3, "
        "and 0 resamples give none below 1/1; set evaluation.bootstrap to 60 or more, or give 3 seeds"
    ]


def test_nothing_to_compare():
    assert out_of_reach(["a"], "a", ["one"], {"pooled": 5, "leave_one_site_out": 0}, 1000) == [
        "pooled: no difference can be shown: no other method to compare with"
    ]
    assert out_of_reach(METHODS, "a", [], {"pooled": 5}, 1000) == [
        "pooled: no difference can be shown: no primary score is scored"
    ]


def test_too_few_resamples_after_the_tests():
    # 0 resamples: a t-test over seeds, which no number of resamples limits.
    assert too_few_resamples(pd.DataFrame({"resamples": [0] * 50})) == ""
    assert too_few_resamples(pd.DataFrame({"resamples": [99] * 5})) == ""
    assert "1/100 with 99 resamples, is above 0.05 after correction over 6 tests" in too_few_resamples(
        pd.DataFrame({"resamples": [99] * 5 + [0]})
    )

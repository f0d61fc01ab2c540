"""Differences between methods: against scipy and by hand, and their errors under the null."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kstest, ttest_rel

from benchmark.errors import UserError
from benchmark.report.statistics.hierarchical import hierarchical_bootstrap


def test_t_test_against_scipy(simulated, compared):
    runs = simulated(np.random.default_rng(0), [0.5, 0.6, 0.7], seeds=4, between=0.1, within=0.02)
    table = compared(runs)
    assert table[["method_a", "method_b"]].to_numpy().tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    for row, (a, b) in zip(table.to_dict("records"), [(0, 1), (0, 2), (1, 2)], strict=True):
        assert row["test"] == "paired t over seeds"
        expected = ttest_rel(runs.value[b], runs.value[a])
        assert row["p"] == pytest.approx(expected.pvalue)
        assert row["difference"] == pytest.approx(runs.value[b].mean() - runs.value[a].mean())
        # The width is that of t; the ends follow the shape of the bootstrap.
        of_t = expected.confidence_interval()
        assert row["ci_high"] - row["ci_low"] == pytest.approx(of_t.high - of_t.low)
        assert (row["ci_low"], row["ci_high"]) != pytest.approx((of_t.low, of_t.high))
        assert row["ci_low"] < row["difference"] < row["ci_high"]


def test_bootstrap_p_by_hand(runs, compared):
    # Difference 0.2; shifted to the null the resamples are at -0.3, -0.1, 0.1, 0.25: two of four reach 0.2 or -0.2.
    made = runs([[0.5], [0.7]], [[[0.5] * 4, [0.4, 0.6, 0.8, 0.95]]])
    (row,) = compared(made).to_dict("records")
    assert (row["test"], row["resamples"], row["covers"]) == ("bootstrap over subjects", 4, "subjects")
    assert row["p"] == pytest.approx((2 + 1) / (4 + 1))


def test_two_seeds_are_averaged_resample_by_resample(runs, compared):
    # Differences 0.1 and 0.3, mean 0.2. Resamples: (0 + 0.2)/2 = 0.1, (0.6 + 0.4)/2 = 0.5, (0.1 + 0.3)/2 = 0.2;
    # shifted by 0.2: -0.1, 0.3, 0; one of three is as far as 0.2.
    made = runs([[0.5, 0.5], [0.6, 0.8]], [[[0.5] * 3, [0.5, 1.1, 0.6]], [[0.5] * 3, [0.7, 0.9, 0.8]]])
    (row,) = compared(made).to_dict("records")
    assert (row["test"], row["p"]) == ("bootstrap over subjects", pytest.approx(2 / 4))


def test_seeds_that_do_not_vary_are_no_t_test(runs, compared):
    # 0.1 three times but for rounding, for which t would be about 1e15.
    value = np.array([[0.3, 0.5, 0.7]])
    made = runs(np.vstack([value, value + 0.1]), [np.tile([[0.0, 0.1], [0.0, 0.3]], 1)] * 3)
    assert np.ptp(made.value[1] - made.value[0]) > 0
    (row,) = compared(made).to_dict("records")
    assert row["test"] == "bootstrap over subjects"


def test_equal_and_untested(runs, compared):
    table = compared(runs([[0.5, 0.6], [0.5, 0.6], [0.5, 0.7]])).set_index(["method_a", "method_b"])
    assert table.loc[("a", "b"), ["test", "p", "better"]].tolist() == ["equal", 1.0, ""]
    assert table.loc[("a", "c"), "test"] == "none"
    assert math.isnan(table.loc[("a", "c"), "p_holm"])
    assert not table.loc[("a", "c"), "beyond_chance"]
    assert "too few seeds for a t-test" in table.loc[("a", "c"), "note"]


def test_missing_runs(simulated, runs, compared):
    full = simulated(np.random.default_rng(0), [0.5, 0.6, 0.7], seeds=3, between=0.1, within=0.1)
    value = full.value.copy()
    value[1, 0] = np.nan
    replicates = [each.copy() for each in full.replicates]
    replicates[0][1] = np.nan
    table = compared(runs(value, replicates)).set_index(["method_a", "method_b"])
    for pair in (("a", "b"), ("b", "c")):
        gap = table.loc[pair]
        assert gap[["b" if pair[1] == "b" else "a", "difference", "ci_low", "standard_error", "p"]].isna().all()
        assert gap["note"] == "b: 1 of 2 runs: no query"
    before = compared(full).set_index(["method_a", "method_b"]).loc[("a", "c")]
    same = ["difference", "ci_low", "ci_high", "p"]
    assert table.loc[("a", "c"), same].tolist() == before[same].tolist()


def test_antisymmetry(simulated, compared, runs):
    made = simulated(np.random.default_rng(0), [0.5, 0.6], seeds=4, between=0.1, within=0.1)
    turned = runs(made.value[::-1], [each[::-1] for each in made.replicates])
    (one,), (two,) = compared(made).to_dict("records"), compared(turned).to_dict("records")
    assert one["difference"] == pytest.approx(-two["difference"])
    assert [one["ci_low"], one["ci_high"]] == pytest.approx([-two["ci_high"], -two["ci_low"]])
    assert (one["p"], one["standard_error"]) == (pytest.approx(two["p"]), pytest.approx(two["standard_error"]))
    assert {one["better"], two["better"]} == {"a", "b"}


@pytest.mark.parametrize("seeds", [1, 2])
def test_antisymmetry_of_the_bootstrap_test(simulated, compared, runs, seeds):
    made = simulated(np.random.default_rng(3), [0.5, 0.55], seeds=seeds, between=0.0, within=0.05)
    turned = runs(made.value[::-1], [each[::-1] for each in made.replicates])
    p = [table.loc[0, "p"] for table in (compared(made), compared(turned))]
    assert p[0] == p[1]
    assert 1 / 201 < p[0] < 1


def test_reference(simulated, compared):
    made = simulated(np.random.default_rng(0), [0.5, 0.6, 0.7], seeds=3, between=0.1, within=0.1)
    table = compared(made, reference="b")
    assert table[["method_a", "method_b"]].to_numpy().tolist() == [["b", "a"], ["b", "c"], ["a", "c"]]
    assert table["kind"].tolist() == ["primary", "primary", "exploratory"]
    assert table["difference"][:2].tolist() == pytest.approx(
        (made.value[[0, 2]].mean(axis=1) - made.value[1].mean()).tolist()
    )
    with pytest.raises(UserError, match="no method 'z'; methods with results: a, b, c"):
        compared(made, reference="z")


@pytest.mark.parametrize(("higher", "better"), [(True, "b"), (False, "a")])
def test_better_follows_the_direction(runs, compared, higher, better):
    assert compared(runs([[0.5], [0.7]], higher_is_better=higher))["better"].tolist() == [better]


def test_holm_over_the_primary_scores_within_a_protocol(simulated, compared):
    random = np.random.default_rng(0)
    made = [
        simulated(random, [0.5, 0.6], seeds=4, between=0.1, within=0.1, protocol=protocol, score=score)
        for protocol, score in (
            ("pooled", "map_cn_ad"),
            ("pooled", "travelling_top1"),
            ("leave_one_site_out", "map_cn_ad"),
            ("pooled", "p1_cn_ad"),
        )
    ]
    table = compared(*made, reference="a")
    assert table["kind"].tolist() == ["primary"] * 3 + ["exploratory"]
    # What nobody declared is corrected for nothing and claims nothing.
    assert math.isnan(table["p_holm"][3])
    assert not table["beyond_chance"][3]
    assert table["p_of_score"].tolist() == pytest.approx(table["p"].tolist())
    first, second = sorted(table["p"][:2])
    # Holm (1979) for two: the smaller p times 2, the larger as it is but never below the smaller's.
    expected = {first: min(2 * first, 1), second: max(min(2 * first, 1), second)}
    assert table["p_holm"][:2].tolist() == pytest.approx([expected[p] for p in table["p"][:2]])
    assert table["p_holm"][2] == pytest.approx(table["p"][2])
    assert table["beyond_chance"].tolist() == (table["p_holm"] < 0.05).tolist()


def test_standard_error_is_never_below_that_of_the_seeds(runs, compared):
    # Differences 0.1, 0.2, 0.3 without any noise of subjects: sd 0.1, over sqrt(3).
    made = runs([[0.0, 0.0, 0.0], [0.1, 0.2, 0.3]])
    (row,) = compared(made, resamples=4000).to_dict("records")
    assert row["standard_error"] == pytest.approx(0.1 / math.sqrt(3))
    drawn = hierarchical_bootstrap(made, 4000, 0).means
    # The bootstrap alone has sqrt(2/3) of it.
    assert (drawn[1] - drawn[0]).std() == pytest.approx(0.1 / math.sqrt(3) * math.sqrt(2 / 3), rel=0.05)


@pytest.mark.parametrize(("seeds", "between"), [(5, 0.05), (1, 0.0)])
def test_p_is_uniform_under_the_null(simulated, compared, seeds, between):
    random = np.random.default_rng(seeds)
    p = compared(*(simulated(random, [0.5, 0.5], seeds, between, 0.05) for _ in range(300)), resamples=20)["p"]
    # The t-test is exact here. A bootstrap over 40 subjects is a little bold: its standard error is sqrt(39/40) of
    # the unbiased one with normal instead of t quantiles, 0.059 instead of 0.05. The Kolmogorov-Smirnov distance of
    # 300 uniform values exceeds 0.094 in 1 % of cases.
    assert kstest(p, "uniform").statistic < 0.094
    # Share below 0.05: standard error sqrt(0.05 * 0.95 / 300) = 0.0126, three of them.
    assert (p < 0.05).mean() == pytest.approx(0.055, abs=0.038)


@pytest.mark.slow
def test_family_wise_error_after_holm(simulated, compared, monkeypatch):
    # statsmodels collects garbage at every correction, 0.1 s each.
    monkeypatch.setattr("gc.collect", lambda: 0)
    random = np.random.default_rng(7)
    # Each experiment is a protocol of its own, within which p is corrected.
    made = [
        simulated(random, [0.5] * 4, 5, 0.05, 0.05, resamples=10, score=score, protocol=str(experiment))
        for experiment in range(200)
        for score in ("map_cn_ad", "travelling_top1")
    ]
    every = compared(*made, resamples=20, reference="a")
    errors = every.groupby("protocol")["beyond_chance"].any().mean()
    table = every[every["kind"] == "primary"]
    uncorrected = (table["p"] < 0.05).groupby(table["protocol"]).any().mean()
    # At most 0.05, with three standard errors of sqrt(0.05 * 0.95 / 200) = 0.015. Without correction six tests
    # find something in about one of five experiments.
    assert errors <= 0.05 + 0.046
    assert uncorrected > 0.12


def test_a_true_difference_is_found(simulated, compared):
    made = simulated(np.random.default_rng(0), [0.5, 0.5, 0.9], seeds=5, between=0.02, within=0.02)
    table = compared(made, reference="a").set_index(["method_a", "method_b"])
    assert table["beyond_chance"].tolist() == [False, True, False]
    assert table["told_apart"].tolist() == [False, True, True]
    assert set(table.loc[table["beyond_chance"], "better"]) == {"c"}


def test_without_a_reference_nothing_is_primary(simulated, compared):
    table = compared(simulated(np.random.default_rng(0), [0.5, 0.9], seeds=4, between=0.01, within=0.01))
    assert table["kind"].tolist() == ["exploratory"]
    assert table["p"][0] < 0.001
    assert not table["beyond_chance"].any()

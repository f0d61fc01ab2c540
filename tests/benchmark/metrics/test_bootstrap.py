"""Means over sites, and intervals over subjects."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from benchmark.metrics.bootstrap import (
    TAILS,
    Strata,
    _few_subjects,
    interval,
    mean_of_site_means,
    mean_replicates,
    means_without,
    replicates_of,
)


def test_mean_of_site_means():
    # Site a: mean of 1 and 0 is 0.5, its undefined query left out; site b: 0. Mean: 0.25, not 1/3.
    value = np.array([1.0, 0.0, np.nan, 0.0])
    assert mean_of_site_means(value, np.array(["a", "a", "a", "b"])) == 0.25
    assert math.isnan(mean_of_site_means(value, np.array(["a", "a", "c", "b"])))
    assert math.isnan(mean_of_site_means(np.zeros(0), np.zeros(0, dtype=str)))


def interval_of_mean(*arguments):
    return interval(mean_replicates(*arguments))


def test_width_is_that_of_the_mean():
    rng = np.random.default_rng(0)
    value = rng.normal(size=400)
    subject, site = np.arange(400).astype(str), np.full(400, "a")
    low, high = interval_of_mean(value, subject, site, 2000, 0)
    assert high - low == pytest.approx(2 * 1.96 * value.std() / math.sqrt(400), rel=0.1)
    assert low < value.mean() < high


def test_repeated_scans_of_a_subject_do_not_narrow_it():
    rng = np.random.default_rng(0)
    value, subject = rng.normal(size=40), np.arange(40).astype(str)
    once = interval_of_mean(value, subject, np.full(40, "a"), 500, 0)
    often = interval_of_mean(np.repeat(value, 5), np.repeat(subject, 5), np.full(200, "a"), 500, 0)
    assert often == pytest.approx(once)


@pytest.mark.parametrize(
    ("value", "subject", "resamples"),
    [([1.0, 0.0], ["p", "p"], 100), ([1.0, 0.0], ["p", "q"], 0), ([np.nan, np.nan], ["p", "q"], 100)],
)
def test_no_interval(value, subject, resamples):
    found = interval_of_mean(np.array(value), np.array(subject), np.array(["a", "a"]), resamples, 0)
    assert all(math.isnan(end) for end in found)


def test_no_interval_where_resamples_lose_a_site():
    # A site with one of two subjects is absent from a quarter of the resamples.
    found = interval_of_mean(np.array([1.0, 0.0]), np.array(["p", "q"]), np.array(["a", "b"]), 200, 0)
    assert all(math.isnan(end) for end in found)


def test_subjects_are_drawn_within_sites_and_travellers_by_themselves():
    subject = np.array(["p", "q", "t", "u", "r", "s", "t", "u"])
    site = np.array(["a"] * 4 + ["b"] * 4)
    strata = Strata.of(subject, site)
    # p, q of site a; r, s of site b; t, u of both.
    assert strata.stratum.tolist() == [0, 0, 1, 1, 2, 2]
    values = np.zeros(8)
    values[site == "b"] = 1.0
    # Whoever is drawn, each site keeps its subjects: a value that only the site decides does not vary.
    assert np.ptp(mean_replicates(values, subject, site, 50, 0, group=np.full(8, "all"))) == pytest.approx(0)


def test_subjects_that_are_alone_are_drawn_with_others():
    # c and d have one subject each, who make a stratum; without d, c's joins the largest.
    subject = np.array(["p", "q", "r", "s", "t", "u", "v"])
    site = np.array(["a", "a", "b", "b", "b", "c", "d"])
    assert Strata.of(subject, site).stratum.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert Strata.of(subject[:6], site[:6]).stratum.tolist() == [0, 0, 1, 1, 1, 1]


def test_names_of_sites_do_not_decide_what_is_drawn():
    rng = np.random.default_rng(0)
    value, subject, site = rng.normal(size=20), np.arange(20).astype(str), np.repeat(["a", "b"], 10)
    turned = np.where(site == "a", "z", "b")
    assert (mean_replicates(value, subject, site, 20, 0) == mean_replicates(value, subject, turned, 20, 0)).all()


def test_variance_is_the_jackknife_of_the_strata():
    rng = np.random.default_rng(0)
    value, subject = rng.normal(size=60), np.arange(60).astype(str)
    site = np.repeat(["a", "b", "c"], 20)
    drawn = mean_replicates(value, subject, site, 20_000, 0)
    # The variance of a mean of three means of twenty, and that of t with about 57 degrees of freedom, 57 / 55.
    of_site = np.mean([value[site == name].var(ddof=1) / 20 for name in "abc"]) / 3
    assert drawn.var() == pytest.approx(of_site * 57 / 55, rel=0.04)
    assert drawn.mean() == pytest.approx(value.mean(), abs=4 * math.sqrt(of_site / 20_000))


def test_few_travelling_subjects_are_few_however_many_others_there_are():
    # 200 subjects without a value, and eight who decide: t with seven degrees of freedom, 2.36 in place of 1.96.
    subject = np.array([f"p{i}" for i in range(200)] + [f"t{i}" for i in range(8)] * 2)
    site = np.array(["a", "b"] * 100 + ["a"] * 8 + ["b"] * 8)
    value = np.array([np.nan] * 200 + [*range(1, 9)] * 2)
    drawn = mean_replicates(value, subject, site, 20_000, 0, group=np.full(len(site), "all"))
    spread = math.sqrt(np.var(range(1, 9), ddof=1) / 8)
    low, high = interval(drawn)
    assert (high - low) / 2 == pytest.approx(2.36 * spread, rel=0.1)


def test_effects_of_galleries_add_to_those_of_queries_less_their_luck():
    rng = np.random.default_rng(0)
    strata = Strata.of(np.arange(40).astype(str), np.full(40, "a"))
    share, effect = rng.normal(size=(2, 40, 1)) * 0.01

    # t of 39 / 3 = 13 degrees of freedom.
    def variance(luck):
        effects = (effect, np.array([[luck]]))
        return replicates_of(np.array([0.5]), share, strata, 20_000, 0, effects).var() * 11 / 13

    both = share + effect
    whole = 39 / 40 * np.square(both - both.mean()).sum()
    assert variance(0.0) == pytest.approx(whole, rel=0.04)
    assert variance(0.3 * whole) == pytest.approx(whole * (1 - 0.3 * 39 / 40), rel=0.04)


def test_without_a_subject_means_are_of_those_that_are_left():
    # Subject q is one of two at site a, and the only one with a value at site b, where the mean is then undefined.
    values = np.array([[0.2, 0.2], [0.6, 0.6], [1.0, 1.0], [np.nan, 0.4]])
    subject, site = np.array(["p", "q", "q", "r"]), np.array(["a", "a", "b", "b"])
    value, without = means_without(values, subject, site, np.array(["p", "q", "r", "z"]))
    assert value.tolist() == pytest.approx([0.7, 0.55])
    assert without[0].tolist() == pytest.approx([0.8, 0.65])
    assert without[1].tolist() == pytest.approx([math.nan, 0.3], nan_ok=True)
    assert without[2].tolist() == pytest.approx([0.7, 0.7])
    assert without[3].tolist() == pytest.approx(value.tolist())


def test_a_value_that_no_subject_changes_has_no_interval():
    # Every scan is right: that there is no doubt is not what the data say.
    found = interval_of_mean(np.ones(40), np.arange(40).astype(str), np.repeat(["a", "b"], 20), 100, 0)
    assert all(math.isnan(end) for end in found)


def test_few_subjects_with_long_tails_have_the_width_of_fewer():
    # One stratum of 21 subjects: 20 degrees of freedom of normal contributions, 7 of ours. A second one that adds
    # nothing changes that not; one that adds as much makes it (2 v)^2 / (2 v^2 / 20) / 3 = 13.
    quantile = np.array([0.1, 0.5])
    share = np.tile([[1.0, 1.0], [-1.0, -1.0]], (21, 1))
    share[21:, 0] = 0
    strata = Strata.of(np.array([f"{i:02}" for i in range(42)]), np.repeat(["A", "B"], 21))
    found = _few_subjects(share, strata, quantile, TAILS)
    for column, freedom in enumerate((7, 13)):
        assert found[:, column] == pytest.approx(np.sqrt(freedom / chi2.ppf(quantile, freedom)))


def test_the_fewest_subjects_keep_two_degrees_of_freedom():
    strata = Strata.of(np.array(["a", "b", "c", "d"]), np.full(4, "A"))
    found = _few_subjects(np.array([[1.0], [-1.0], [1.0], [-1.0]]), strata, np.array([0.5]), TAILS)
    assert found[0, 0] == pytest.approx(np.sqrt(2 / chi2.ppf(0.5, 2)))

"""What stands beside the hits."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from benchmark.search.context import diagnoses_among, own_site_among, share_of


def test_diagnoses_are_compared_with_those_that_could_have_been_found():
    hits = np.array(["AD", "AD", "CN", "", "AD"])
    could = np.array(["AD"] * 10 + ["CN"] * 20 + ["MCI"] * 10 + [""] * 5)
    ill, well, between = diagnoses_among(hits, could)
    assert (ill.name, ill.found, ill.hits, ill.share, ill.base) == ("AD", 3, 4, 0.75, 0.25)
    assert (well.name, well.share, well.base) == ("CN", 0.25, 0.5)
    assert (between.name, between.share, between.base) == ("MCI", 0.0, 0.25)
    low, high = proportion_confint(3, 4, method="wilson")
    assert (ill.low, ill.high) == pytest.approx((low, high))
    assert ill.beyond_base == (not low <= 0.25 <= high)


def test_without_hits_there_is_no_share():
    (share,) = diagnoses_among(np.array([""]), np.array(["AD", ""]))
    assert share.hits == 0
    assert np.isnan(share.share)
    assert share.base == 1.0


def test_the_own_site_is_compared_with_a_search_that_is_blind_to_sites():
    could = np.array(["A"] * 10 + ["B"] * 90)
    own = own_site_among("A", np.array(["A"] * 9 + ["B"]), could)
    assert (own.share, own.base, own.beyond_base) == (0.9, 0.1, True)
    assert not own_site_among("A", np.array(["A"] + ["B"] * 9), could).beyond_base


@pytest.mark.parametrize("site", ["", "C"])
def test_of_an_unknown_site_nothing_is_said(site):
    assert own_site_among(site, np.array(["A"]), np.array(["A", "B"])) is None


def test_the_interval_covers_the_base_rate_where_hits_are_drawn_by_chance():
    rng, could = np.random.default_rng(0), np.arange(1000) < 300
    inside = [not share_of("AD", rng.choice(could, 20), could).beyond_base for _ in range(2000)]
    assert 0.92 <= np.mean(inside) <= 0.99

"""kBET by hand, and its rate of acceptance on data with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.metrics.mixing import kbet
from benchmark.metrics.mixing.neighbours import nearest
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings()


def test_by_hand():
    # Two sites of four scans; neighbourhoods of four expect two of each. Observed 4 and 0: (2² + 2²) / 2 = 4, for which
    # one degree of freedom gives p = erfc(sqrt(4 / 2)); observed 2 and 2: 0, p = 1; observed 3 and 1: 1.
    site = np.repeat([0, 1], 4)
    index = np.array([[0, 1, 2, 3], [0, 1, 4, 5], [0, 1, 2, 4]] + [[0, 1, 4, 5]] * 5)
    found = kbet.neighbourhood_p(index, site)
    assert found[:3] == pytest.approx([math.erfc(math.sqrt(2)), 1.0, math.erfc(math.sqrt(0.5))])


def test_sites_at_random_are_accepted_at_the_level_of_the_test():
    rng = np.random.default_rng(0)
    site = np.repeat([0, 1], 1000)
    index, _ = nearest(rng.normal(size=(2000, 5)), np.arange(2000), 50)
    rates = [(kbet.neighbourhood_p(index, rng.permutation(site)) >= 0.05).mean() for _ in range(20)]
    # Counts of 50 with a half expected: |x - 25| >= 7 is refused, which a binomial of 50 does in 6.5 % of draws.
    assert np.mean(rates) == pytest.approx(0.935, abs=0.015)


def test_sites_apart_are_refused_and_mixed_ones_are_near_chance(make_table):
    apart = kbet.scores(scored_scans(make_table(subjects=40, travelling=0, train=40, site_strength=40.0)), SETTINGS)
    standardised, whitened = apart
    assert standardised.value == 0.0
    # Whitened, three sites are two of six directions of equal variance: some neighbourhoods at their edges are mixed.
    assert whitened.value < 0.2
    for score in kbet.scores(scored_scans(make_table(subjects=40, travelling=0, train=40)), SETTINGS):
        assert score.value == pytest.approx(score.chance, abs=0.15)
        assert score.chance > 0.85


def test_names_of_sites_change_nothing():
    rng = np.random.default_rng(1)
    site = rng.integers(3, size=90)
    index, _ = nearest(rng.normal(size=(90, 3)), np.arange(90), 20)
    renamed = np.array([2, 0, 1])[site]
    np.testing.assert_allclose(kbet.neighbourhood_p(index, site), kbet.neighbourhood_p(index, renamed))


def test_few_neighbours_are_stated_and_too_few_have_a_reason(make_table):
    few = kbet.scores(scored_scans(make_table(subjects=9, travelling=0)), SETTINGS)
    assert few[0].params == {"alpha": "0.05", "coordinates": "standardised", "neighbours": "26"}
    for score in kbet.scores(scored_scans(make_table(subjects=3, travelling=0)), SETTINGS):
        assert math.isnan(score.value)
        assert score.note == "8 neighbours; at least 10 are needed"

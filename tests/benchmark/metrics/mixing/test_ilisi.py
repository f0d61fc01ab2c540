"""iLISI against a slow calculation, and on data with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from benchmark.metrics.mixing import ilisi
from benchmark.metrics.mixing.neighbours import nearest
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings()


def slow_index(distance, site_of_neighbour, perplexity):
    def weights(log_beta):
        raw = np.exp(-(distance - distance.min()) * math.exp(log_beta))
        return raw / raw.sum()

    def excess(log_beta):
        p = weights(log_beta)
        return -(p[p > 0] * np.log(p[p > 0])).sum() - math.log(perplexity)

    p = weights(brentq(excess, -12, 12, xtol=1e-12))
    return 1 / sum(p[site_of_neighbour == one].sum() ** 2 for one in np.unique(site_of_neighbour))


def test_against_a_root_finder_scan_by_scan():
    rng = np.random.default_rng(0)
    features, site, owner = rng.normal(size=(90, 4)), rng.integers(4, size=90), rng.integers(60, size=90)
    index, distance = nearest(features, owner, 45)
    found = ilisi.inverse_simpson(ilisi.neighbour_weights(distance, 15), index, site)
    expected = [slow_index(distance[scan], site[index[scan]], 15) for scan in range(90)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_scale_by_hand():
    # Medians of 1, 2 and 3 with three sites: (1 - 1) / 2, (2 - 1) / 2, (3 - 1) / 2.
    for median, expected in ((1.0, 0.0), (2.0, 0.5), (3.0, 1.0)):
        assert ilisi.scaled(np.array([1.0, median, 3.0]), 3) == expected


def test_a_scale_of_the_distances_changes_no_weight():
    distance = np.random.default_rng(1).uniform(1, 3, size=(30, 60))
    near, far = ilisi.neighbour_weights(distance, 20), ilisi.neighbour_weights(1000 * distance, 20)
    np.testing.assert_allclose(near, far, atol=1e-5)


def test_scans_that_are_all_equally_far_weigh_the_same():
    # No kernel width gives a perplexity of 10 here: the entropy is that of 30 equal weights.
    assert ilisi.neighbour_weights(np.full((5, 30), 2.0), 10) == pytest.approx(np.full((5, 30), 1 / 30))


def test_no_signal_is_near_chance_and_sites_apart_are_near_zero(make_table):
    for score in ilisi.scores(scored_scans(make_table(subjects=60, travelling=0, train=60)), SETTINGS):
        assert score.value == pytest.approx(score.chance, abs=0.1)
    apart = make_table(subjects=100, travelling=0, train=100, dimensions=2, site_strength=60.0)
    for score in ilisi.scores(scored_scans(apart), SETTINGS):
        assert score.value < 0.01


def test_few_neighbours_are_stated_and_too_few_have_a_reason(make_table):
    few = ilisi.scores(scored_scans(make_table(subjects=9, travelling=0)), SETTINGS)
    # 27 scans of as many subjects: 26 neighbours, and a third of that.
    assert [score.params for score in few] == [
        {"coordinates": one, "neighbours": "26", "perplexity": "8"} for one in ("standardised", "whitened")
    ]
    for score in ilisi.scores(scored_scans(make_table(subjects=3, travelling=0)), SETTINGS):
        assert math.isnan(score.value)
        assert score.note == "8 neighbours; at least 9 are needed"

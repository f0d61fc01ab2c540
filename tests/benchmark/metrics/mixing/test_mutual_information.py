"""Mutual information against the truth, a slow calculation, and its invariances."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import digamma
from scipy.stats import norm

from benchmark.metrics.mixing.mutual_information import scores, site_bits
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings()


def true_bits(separation):
    # Two equally likely Gaussians of unit variance: the entropy of the mixture less that of one of them.
    def mixture(x):
        return (norm.pdf(x) + norm.pdf(x, separation)) / 2

    entropy = quad(lambda x: -mixture(x) * math.log2(mixture(x)), -8, separation + 8, limit=200)[0]
    return entropy - math.log2(2 * math.pi * math.e) / 2


@pytest.mark.parametrize("separation", [0.0, 1.0, 2.0, 4.0])
def test_against_the_truth_for_two_gaussians(separation):
    rng = np.random.default_rng(0)
    site = np.repeat([0, 1], 2000)
    values = rng.normal(size=(4000, 1)) + separation * site[:, None]
    assert site_bits(values, site) == pytest.approx(true_bits(separation), abs=0.04)


def test_against_a_loop_in_three_dimensions():
    rng = np.random.default_rng(1)
    site = np.repeat([0, 1, 2], [30, 20, 10])
    values = rng.normal(size=(60, 3)) + 0.8 * site[:, None]
    counts = []
    for i in range(60):
        own = sorted(np.linalg.norm(values[i] - values[j]) for j in range(60) if j != i and site[j] == site[i])
        counts.append(sum(np.linalg.norm(values[i] - values[j]) <= own[2] for j in range(60) if j != i))
    size = np.bincount(site)[site]
    nats = digamma(60) + digamma(3) - digamma(size).mean() - digamma(counts).mean()
    assert site_bits(values, site) == pytest.approx(nats / math.log(2))


def test_unequal_sites_apart_hold_their_entropy():
    # Shares 1/2, 1/4, 1/4: 1/2 · 1 + 2 · 1/4 · 2 = 1.5 bits.
    rng = np.random.default_rng(2)
    site = np.repeat([0, 1, 2], [800, 400, 400])
    assert site_bits(rng.normal(size=(1600, 2)) + 100 * site[:, None], site) == pytest.approx(1.5, abs=0.01)


def test_names_order_scale_and_rotation_change_nothing():
    rng = np.random.default_rng(3)
    site, order = rng.integers(3, size=150), rng.permutation(150)
    values = rng.normal(size=(150, 2)) + site[:, None]
    found = site_bits(values, site)
    turned = 5 * values @ np.array([[0.6, -0.8], [0.8, 0.6]]) + 1
    for other in (
        site_bits(values[order], site[order]),
        site_bits(values, np.array([2, 0, 1])[site]),
        site_bits(turned, site),
    ):
        assert other == pytest.approx(found)


def test_it_is_never_below_zero():
    rng = np.random.default_rng(4)
    found = [site_bits(rng.normal(size=(60, 2)), np.repeat([0, 1], 30)) for _ in range(20)]
    assert min(found) == 0.0


def test_chance_is_small_without_repeat_scans_and_direction_is_as_declared(make_table):
    for score in scores(scored_scans(make_table(subjects=60, travelling=0, train=60)), SETTINGS):
        assert score.chance < 0.15
        assert score.value == pytest.approx(score.chance, abs=0.2)
        assert (score.metric.higher_is_better, score.metric.highest) == (False, math.inf)


def test_repeat_scans_without_a_site_hold_nothing(make_table):
    # Four scans of each subject: the three nearest of a site would be the subject's own, as would all within their
    # distance, which is what sites that are wholly apart look like: log2(3) bits.
    for strength, bits in ((0.0, 0.0), (60.0, math.log2(3))):
        table = make_table(subjects=60, travelling=0, train=60, site_strength=strength, dimensions=5)
        sessions = [table.assign(session_id=f"ses-{session}") for session in range(4)]
        one, four = (scores(scored_scans(pd.concat(tables)), SETTINGS)[0] for tables in (sessions[:1], sessions))
        assert four.value == pytest.approx(bits, abs=0.15)
        assert (four.value, four.chance, four.n) == (pytest.approx(one.value), pytest.approx(one.chance), 180)


def test_scans_of_travelling_subjects_do_not_count_beside_each_other():
    # Every subject at both sites with nearly one vector: its other scan would push the estimate down.
    rng = np.random.default_rng(5)
    owner, site = np.repeat(np.arange(300), 2), np.tile([0, 1], 300)
    values = rng.normal(size=(300, 1))[owner] + 1e-6 * rng.normal(size=(600, 1)) + 2.0 * site[:, None]
    assert site_bits(values, site, owner) == pytest.approx(true_bits(2.0), abs=0.1)


def test_both_kinds_of_coordinates_and_components_of_the_reference(make_table, set_vectors):
    table = make_table(sites=2, subjects=100, travelling=0, train=100, dimensions=8)
    rng = np.random.default_rng(6)
    spread = np.array([10.0, 9, 8, 7, 6, 0.1, 0.1, 0.1])
    # The site is in a direction of small variance in training, so it is not looked at in whitened coordinates.
    vectors = spread * rng.normal(size=(len(table), 8))
    vectors[:, 7] += 5.0 * ((table["site"] == "site1") & (table["split"] == "test"))
    standardised, whitened = scores(scored_scans(set_vectors(table, vectors)), SETTINGS)
    assert standardised.params["coordinates"] == "standardised"
    assert whitened.params["coordinates"] == "whitened"
    assert whitened.value == pytest.approx(whitened.chance, abs=0.15)


def test_a_site_with_one_subject_has_a_reason(make_table):
    table = make_table(travelling=0)
    lonely = table[(table["site"] != "site1") | (table["subject_id"] == "s1-0") | (table["split"] == "train")]
    again = lonely[lonely["subject_id"] == "s1-0"].assign(session_id="ses-2")
    found = scores(scored_scans(pd.concat([lonely, again], ignore_index=True)), SETTINGS)
    assert [(math.isnan(score.value), score.note) for score in found] == [(True, "a site has one subject")] * 2

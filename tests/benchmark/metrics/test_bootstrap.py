"""Means over sites, and intervals over subjects."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.metrics.bootstrap import mean_of_site_means, subject_interval


def test_mean_of_site_means():
    # Site a: mean of 1 and 0 is 0.5, its undefined query left out; site b: 0. Mean: 0.25, not 1/3.
    value = np.array([1.0, 0.0, np.nan, 0.0])
    assert mean_of_site_means(value, np.array(["a", "a", "a", "b"])) == 0.25
    assert math.isnan(mean_of_site_means(value, np.array(["a", "a", "c", "b"])))
    assert math.isnan(mean_of_site_means(np.zeros(0), np.zeros(0, dtype=str)))


def test_width_is_that_of_the_mean():
    rng = np.random.default_rng(0)
    value = rng.normal(size=400)
    subject, site = np.arange(400).astype(str), np.full(400, "a")
    low, high = subject_interval(value, subject, site, 2000, 0)
    assert high - low == pytest.approx(2 * 1.96 * value.std() / math.sqrt(400), rel=0.1)
    assert low < value.mean() < high


def test_repeated_scans_of_a_subject_do_not_narrow_it():
    rng = np.random.default_rng(0)
    value, subject = rng.normal(size=40), np.arange(40).astype(str)
    once = subject_interval(value, subject, np.full(40, "a"), 500, 0)
    often = subject_interval(np.repeat(value, 5), np.repeat(subject, 5), np.full(200, "a"), 500, 0)
    assert often == pytest.approx(once)


@pytest.mark.parametrize(
    ("value", "subject", "resamples"),
    [([1.0, 0.0], ["p", "p"], 100), ([1.0, 0.0], ["p", "q"], 0), ([np.nan, np.nan], ["p", "q"], 100)],
)
def test_no_interval(value, subject, resamples):
    interval = subject_interval(np.array(value), np.array(subject), np.array(["a", "a"]), resamples, 0)
    assert all(math.isnan(end) for end in interval)


def test_no_interval_where_resamples_lose_a_site():
    # A site with one of two subjects is absent from a quarter of the resamples.
    interval = subject_interval(np.array([1.0, 0.0]), np.array(["p", "q"]), np.array(["a", "b"]), 200, 0)
    assert all(math.isnan(end) for end in interval)

"""Intraclass correlations: the example of the paper, and why there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark import metrics

#: Ratings of six targets by four judges, table 2 of Shrout & Fleiss 1979.
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)

SUBJECT, SITE = (each.ravel() for each in np.indices((6, 4)))


def test_the_example_of_shrout_and_fleiss():
    # Table 4 of the paper: 0.17, 0.29 and 0.71.
    ldr = RATINGS.reshape(-1, 1)
    agreement = metrics.between_site_icc(ldr, site=SITE, subject=SUBJECT)
    consistency = metrics.between_site_icc(ldr, site=SITE, subject=SUBJECT, consistency=True)
    repeats = metrics.within_site_icc(ldr, site=np.zeros(24), subject=SUBJECT)
    # From its mean squares 11.24, 32.49 and 1.02, and 6.26 within targets, to four digits.
    assert agreement.value == pytest.approx(0.2898, abs=5e-5)
    assert consistency.value == pytest.approx(0.7148, abs=5e-5)
    assert repeats.value == pytest.approx(0.1657, abs=5e-5)
    assert agreement.n == consistency.n == repeats.n == 6


def test_the_median_of_the_dimensions_that_vary():
    rng = np.random.default_rng(0)
    ldr = np.column_stack([RATINGS.ravel(), np.ones(24), rng.normal(size=24), np.repeat(rng.normal(size=6), 4)])
    found = metrics.between_site_icc(ldr, site=SITE, subject=SUBJECT)
    assert list(found.parts) == ["z0", "z2", "z3"]
    assert found.parts["z3"].value == pytest.approx(1.0)
    assert found.value == np.median([part.value for part in found.parts.values()])
    assert found.parts["z0"].value == pytest.approx(0.2898, abs=5e-5)


def test_scale_and_origin_of_a_dimension_do_not_matter():
    rng = np.random.default_rng(1)
    ldr = rng.normal(size=(6, 5))[SUBJECT] + 0.5 * rng.normal(size=(24, 5))
    for function, where in ((metrics.between_site_icc, SITE), (metrics.within_site_icc, np.zeros(24))):
        here, there = (function(z, site=where, subject=SUBJECT) for z in (ldr, ldr * [1, 1e3, 1e-2, 5, 1] + 4))
        assert there.value == pytest.approx(here.value)
        assert (there.ci_low, there.ci_high) == pytest.approx((here.ci_low, here.ci_high))


def test_sites_that_differ_by_a_constant_cost_agreement_alone():
    rng = np.random.default_rng(2)
    ldr = rng.normal(size=(6, 3))[SUBJECT] + 0.1 * rng.normal(size=(24, 3))
    shifted = ldr + 3.0 * SITE[:, None]
    one, other = (metrics.between_site_icc(z, site=SITE, subject=SUBJECT, consistency=True) for z in (ldr, shifted))
    assert other.value == pytest.approx(one.value)
    assert one.value > 0.9
    assert metrics.between_site_icc(shifted, site=SITE, subject=SUBJECT).value < 0.2


def test_what_sites_differ_in_is_no_reliability_within_them():
    # Noise, but for the sites, which are far apart: pooling scans over sites would call subjects reliable.
    rng = np.random.default_rng(3)
    subject = np.repeat(np.arange(80), 2)
    site = subject // 40
    ldr = rng.normal(size=(160, 9)) + 50.0 * site[:, None]
    assert abs(metrics.within_site_icc(ldr, site=site, subject=subject).value) < 0.1


@pytest.mark.parametrize(
    ("function", "site", "subject", "note"),
    [
        (metrics.between_site_icc, [0] * 6, range(6), "no subject has scored scans at two sites"),
        (metrics.within_site_icc, [0] * 6, range(6), "subjects with two scored scans at one site: 0"),
        (metrics.within_site_icc, [0] * 6, [0, 0, 1, 1, 2, 3], "subjects with two scored scans at one site: 2"),
        (metrics.within_site_icc, [0, 0, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2], "no site has two subjects"),
        (metrics.between_site_icc, [0, 1] * 3, [0, 0, 1, 1, 2, 2], "the LDR is constant over the scored scans"),
        (metrics.within_site_icc, [0] * 6, [0, 0, 1, 1, 2, 2], "the LDR is constant over the scored scans"),
    ],
)
def test_undefined(function, site, subject, note):
    ldr = np.ones((6, 2)) if "constant" in note else np.random.default_rng(0).normal(size=(6, 2))
    found = function(ldr, site=site, subject=subject)
    assert math.isnan(found.value)
    assert found.note.startswith(note)

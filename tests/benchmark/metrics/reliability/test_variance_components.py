"""Shares of variance: as they were made, and what they do not depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark import metrics
from benchmark.errors import UserError
from benchmark.metrics.arrays import scans_of
from benchmark.metrics.reliability.anova import crossed_components

NAMES = ("subject", "site", "session", "residual")


def scans(subjects, sites, repeats, seed=0, dimensions=6, spreads=(1.0, 0.8, 0.5, 0.4), scale=1.0):
    """LDRs, sites and subjects; standard deviations of subject, site, subject by site, and repeat."""
    rng = np.random.default_rng(seed)
    subject, site, _ = (each.ravel() for each in np.indices((subjects, sites, repeats)))
    cell = subject * sites + site
    of = (subject, site, cell, np.arange(len(cell)))
    ldr = sum(s * rng.normal(size=(n.max() + 1, dimensions))[n] for s, n in zip(spreads, of, strict=True)) * scale
    return ldr, {"site": site, "subject": subject}


@pytest.mark.parametrize("coordinates", ["raw", "standardised"])
def test_shares_are_those_of_the_simulation(coordinates):
    ldr, where = scans(60, 40, 2, dimensions=12)
    found = metrics.variance_components(ldr, coordinates=coordinates, **where)
    variance = dict(zip(NAMES, np.square([1.0, 0.8, 0.4, 0.5]), strict=True))
    for name, one in found.items():
        # Twelve dimensions of 60 subjects and 40 sites: a standard error of a share of about 0.02.
        assert one.value == pytest.approx(variance[name] / sum(variance.values()), abs=0.06)
        assert one.ci_low < one.value < one.ci_high
        assert one.n == 60
    if coordinates == "raw":
        assert sum(one.value for one in found.values()) == pytest.approx(1.0)


def test_intervals_hold_the_share_of_the_simulation():
    # 95 % of 100 intervals, with a standard error of 2.2 points; sites are given, and so is what they differ in.
    held, times = {"subject": 0, "site": 0, "icc": 0}, 100
    spreads = (1.0, 0.0, 0.0, 0.6)
    rng = np.random.default_rng(9)
    offsets = 0.7 * rng.normal(size=(4, 16))
    of_sites = offsets.var(axis=0, ddof=1)
    truth = {
        "subject": 16 / (16 * 1.36 + of_sites.sum()),
        "site": of_sites.sum() / (16 * 1.36 + of_sites.sum()),
        "icc": float(np.median(1 / (1.36 + of_sites))),
    }
    for seed in range(times):
        ldr, where = scans(12, 4, 1, seed, dimensions=16, spreads=spreads)
        # All data sets share the draws, so that a quantile of few of them would be wrong in all.
        how = where | {"bootstrap": 1000}
        found = metrics.variance_components(ldr + offsets[where["site"]], **how)
        found["icc"] = metrics.between_site_icc(ldr + offsets[where["site"]], **how)
        for name, share in truth.items():
            held[name] += found[name].ci_low <= share <= found[name].ci_high
            assert found[name].ci_high - found[name].ci_low < 0.5
    assert min(held.values()) / times >= 0.95 - 3 * 0.022


def test_a_large_dimension_weighs_in_raw_coordinates_alone():
    ldr, where = scans(12, 6, 1)
    large = ldr * [100, 1, 1, 1, 1, 1]
    raw, standardised = (
        [metrics.variance_components(z, coordinates=how, **where)["subject"].value for z in (ldr, large)]
        for how in ("raw", "standardised")
    )
    assert standardised[1] == pytest.approx(standardised[0])
    first = metrics.variance_components(ldr[:, :1], **where)["subject"].value
    assert raw[1] == pytest.approx(first, abs=1e-3)
    assert abs(raw[0] - first) > 0.01


def test_axes_do_not_matter_in_raw_coordinates_alone():
    ldr, where = scans(12, 6, 1, scale=np.arange(1, 7))
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    for how, same in (("raw", True), ("standardised", False)):
        one, other = (
            metrics.variance_components(z, coordinates=how, **where)["site"].value for z in (ldr, ldr @ rotation)
        )
        assert math.isclose(one, other, rel_tol=1e-9) == same


def test_the_median_share_of_subjects_is_the_icc_where_there_are_no_repeats():
    ldr, where = scans(12, 6, 1)
    share = metrics.variance_components(ldr, coordinates="standardised", **where)["subject"]
    assert share.value == pytest.approx(metrics.between_site_icc(ldr, **where).value)


def test_negative_components_count_as_nothing():
    # Repeats that differ more than cells do: the interaction comes out below 0.
    ldr, where = scans(6, 3, 2, spreads=(1.0, 0.0, 0.0, 2.0))
    components = crossed_components(scans_of(ldr, **where)[0])
    found = metrics.variance_components(ldr, **where)
    sums = np.maximum([one[0].sum() for one in components], 0.0)
    assert min(one[0].sum() for one in components) < 0
    assert [one.value for one in found.values()] == pytest.approx(sums / sums.sum())


def test_undefined():
    ldr, where = scans(6, 3, 1)
    session = metrics.variance_components(ldr, **where)["session"]
    assert math.isnan(session.value)
    assert session.note.startswith("no travelling subject has two scored scans at one site")
    for one in metrics.variance_components(np.ones((18, 2)), **where).values():
        assert math.isnan(one.value)
        assert one.note == "the LDR is constant over the scored scans"
    with pytest.raises(UserError, match="coordinates: 'whitened' is not allowed; allowed: raw, standardised"):
        metrics.variance_components(ldr, coordinates="whitened", **where)

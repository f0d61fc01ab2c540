"""Harmony on brains of several kinds, whose site's offset differs by kind, beside its authors' implementation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.model_selection import cross_val_score

from baselines.combat import LocationScale
from baselines.harmony import Harmony, _offsets, _shares
from baselines.site_maps import AlignMoments
from benchmark.methods.errors import MethodError

SITES = ("A", "B", "C")
KINDS = 3


def toy(effect, scans=600, seed=0):
    """LDRs (scan, 6), sites and kinds: every site has an offset of its own for each kind."""
    rng = np.random.default_rng(seed)
    kind, place = rng.integers(0, KINDS, scans), rng.integers(0, len(SITES), scans)
    ldr = 4 * np.eye(6)[kind] + 0.5 * rng.normal(size=(scans, 6))
    ldr += effect * rng.normal(size=(len(SITES), KINDS, 6))[place, kind]
    return ldr, np.array(SITES)[place], kind


def leakage(ldr, site, kind):
    """Balanced accuracy of the site, by a classifier of means and covariances within each kind; chance is 1/3."""
    probe = QuadraticDiscriminantAnalysis(reg_param=1e-3)
    options = {"cv": 5, "scoring": "balanced_accuracy"}
    return np.mean(
        [cross_val_score(probe, ldr[kind == one], site[kind == one], **options).mean() for one in range(KINDS)]
    )


def rows(ldr):
    return pd.DataFrame(index=range(len(ldr)))


def test_an_offset_that_differs_by_kind_goes_and_the_kinds_stay():
    ldr, site, kind = toy(effect=1.0)
    after = {
        name: make.fit(ldr, site, rows(ldr)).apply(ldr, site, rows(ldr))
        for name, make in {
            "Harmony": Harmony(clusters=6), "mean": AlignMoments("mean"), "ComBat": LocationScale(covariates=[]),
            "covariance": AlignMoments("covariance"),
        }.items()
    }  # fmt: skip
    leaks = {name: leakage(moved, site, kind) for name, moved in after.items()}
    assert leaks.pop("Harmony") < 0.4
    assert min(leaks.values()) > 0.7, leaks
    probe = QuadraticDiscriminantAnalysis()
    assert cross_val_score(probe, after["Harmony"], kind, cv=5).mean() > 0.98


def test_a_further_site_is_mapped_to_the_clusters_through_all_rounds():
    ldr, site, kind = toy(effect=1.5)
    seen = site != "C"
    new = np.flatnonzero(~seen)[::2]
    fitted = Harmony(clusters=6).fit(ldr[seen], site[seen], rows(ldr[seen]))
    reference = fitted.apply(ldr[seen], site[seen], rows(ldr[seen]))
    path = ("centroids", "logs", "offsets", "sizes", "sums")
    once = replace(fitted, **{name: getattr(fitted, name)[-1:] for name in path})
    leaks = []
    for one in (fitted, once):
        extended = one.extended(ldr[new], site[new], rows(new))
        np.testing.assert_array_equal(
            extended.apply(ldr[seen], site[seen], rows(ldr[seen])), one.apply(ldr[seen], site[seen], rows(ldr[seen]))
        )
        both = np.empty_like(ldr)
        both[seen], both[~seen] = reference, extended.apply(ldr[~seen], site[~seen], rows(ldr[~seen]))
        leaks.append(leakage(both, site, kind))
    # A query that is assigned once, by what it was before correction, lands in other kinds' clusters.
    assert leaks[0] < 0.45 < leaks[1]
    with pytest.raises(MethodError, match="no parameters for site 'C'"):
        fitted.apply(ldr, site, rows(ldr))
    with pytest.raises(MethodError, match="one new site at a time"):
        fitted.extended(ldr, site, rows(ldr))


def test_offsets_are_those_of_the_normal_equations():
    """Equation of the paper's mixture-of-experts correction, cluster by cluster; the intercept has no penalty."""
    ldr, site, _ = toy(effect=1.0, scans=60)
    member = np.array(SITES)[None] == site[:, None]
    shares = _shares(ldr, np.eye(6)[:4], 0.3)
    found = _offsets(ldr, shares, member.astype(float), 2.0)
    design = np.hstack([np.ones((60, 1)), member])
    for cluster in range(4):
        weighted = design.T * shares[:, cluster]
        wanted = np.linalg.solve(weighted @ design + 2.0 * np.diag([0, 1, 1, 1]), weighted @ ldr)
        np.testing.assert_allclose(found[cluster], wanted[1:], atol=1e-9)


def test_a_further_site_is_fitted_as_symphony_fits_a_query():
    """Reference scans count by their weight and their corrected sum, in the row of the intercept alone."""
    ldr, site, _ = toy(effect=1.0, scans=90)
    seen = site != "C"
    fitted = Harmony(clusters=3, rounds=1, ridge=2.0).fit(ldr[seen], site[seen], rows(ldr[seen]))
    given = ldr[~seen] - fitted.centre
    shares = _shares(given, fitted.centroids[0], 0.1)
    extended = fitted.extended(ldr[~seen], site[~seen], rows(given))
    design = np.ones((len(given), 2))
    for cluster in range(3):
        weighted = design.T * shares[:, cluster]
        left = weighted @ design + np.diag([fitted.sizes[0, cluster], 2.0])
        right = weighted @ given + np.stack([fitted.sums[0, cluster], np.zeros(6)])
        np.testing.assert_allclose(extended.offsets[0, cluster, 2], np.linalg.solve(left, right)[1], atol=1e-9)


def test_it_is_the_same_every_time_whatever_was_drawn_before():
    ldr, site, _ = toy(effect=1.0)
    one = Harmony().fit(ldr, site, rows(ldr))
    np.random.seed(7)
    other = Harmony().fit(ldr, site, rows(ldr))
    np.testing.assert_array_equal(one.offsets, other.offsets)
    # A thirtieth of the scans.
    assert one.centroids.shape[1] == 20


def test_without_the_penalty_clusters_follow_sites():
    """One kind and two sites that lie apart: the penalty alone makes the sites share clusters, so that they meet."""
    rng = np.random.default_rng(0)
    site = np.repeat(["A", "B"], 300)
    ldr = rng.normal(size=(600, 4)) + np.where(site == "A", 0.8, -0.8)[:, None] * np.eye(4)[0]
    gaps = []
    for diversity in (0.0, 2.0):
        moved = Harmony(clusters=4, diversity=diversity).fit(ldr, site, rows(ldr)).apply(ldr, site, rows(ldr))
        gaps.append(np.abs(moved[site == "A"].mean(axis=0) - moved[site == "B"].mean(axis=0)).max())
    assert gaps[1] < 0.6 * gaps[0]


@pytest.mark.parametrize("effect", [0.5, 1.0])
def test_it_agrees_with_its_authors_package(effect):
    """harmonypy is GPL-3: no dependency of the suite, and nothing of its source is in it; compared where installed."""
    harmonypy = pytest.importorskip("harmonypy")
    ldr, site, _ = toy(effect)
    around = ldr - ldr.mean(axis=0)
    theirs = harmonypy.run_harmony(
        around, pd.DataFrame({"site": site}), "site", nclust=6, random_state=0, verbose=False
    )
    # Releases differ in which axis is which.
    wanted = theirs.Z_corr if theirs.Z_corr.shape == around.shape else theirs.Z_corr.T
    ours = Harmony(clusters=6).fit(ldr, site, rows(ldr)).apply(ldr, site, rows(ldr)) - ldr.mean(axis=0)
    for feature in range(6):
        assert np.corrcoef(ours[:, feature], wanted[:, feature])[0, 1] > 0.97
    # They differ by less than a fifth of what is corrected: other first clusters, and other blocks of scans.
    assert np.sqrt(((ours - wanted) ** 2).mean()) < 0.2 * np.sqrt(((around - wanted) ** 2).mean())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"clusters": 1}, "clusters: 1 is not allowed; it must be at least 2"),
        ({"rounds": 0}, "rounds: 0 is not allowed; it must be at least 1"),
        ({"width": 0.0}, "width: 0.0 is not allowed; it must be above 0"),
        ({"ridge": -1.0}, "ridge: -1.0 is not allowed; it must be above 0"),
        ({"diversity": -1.0}, "diversity: -1.0 is not allowed; it must be at least 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, says):
    with pytest.raises(MethodError, match=says):
        Harmony(**settings)


def test_more_clusters_than_scans_are_refused():
    ldr, site, _ = toy(effect=1.0, scans=12)
    with pytest.raises(MethodError, match="clusters: 20 is not allowed for 12 training scans"):
        Harmony(clusters=20).fit(ldr, site, rows(ldr))

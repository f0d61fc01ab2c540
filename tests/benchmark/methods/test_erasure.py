"""Erasure takes the site's effects out of LDRs, moves them least, and leaves what is due to age."""

from __future__ import annotations

import pytest
import torch
from concept_erasure import LeaceEraser
from sklearn.linear_model import LinearRegression, LogisticRegression

from benchmark.methods.erasure import erasing_projection, site_effects


@pytest.fixture
def scans():
    draw = torch.Generator().manual_seed(0)
    site = torch.randint(3, (400,), generator=draw)
    age = 60 + 5 * site + 4 * torch.randn(400, generator=draw)
    offset = torch.randn(3, 6, generator=draw)
    mixing = torch.randn(6, 6, generator=draw)
    ldr = torch.randn(400, 6, generator=draw) @ mixing + offset[site] + age[:, None] * torch.linspace(-0.2, 0.3, 6)
    return ldr.double(), site, age[:, None].double()


NOTHING_KNOWN = torch.zeros(400, 0)


def erased(ldr, effects):
    mean = ldr.mean(dim=0)
    return mean + (ldr - mean) @ erasing_projection(ldr, effects).T


def test_without_covariates_it_is_leace(scans):
    ldr, site, _ = scans
    ours = erased(ldr, site_effects(ldr, site, NOTHING_KNOWN))
    # As in the paper: neither the covariance nor the projection is regularised.
    plain = {"shrinkage": False, "constrain_cov_trace": False}
    theirs = LeaceEraser.fit(ldr, torch.nn.functional.one_hot(site).double(), **plain)(ldr)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)


def test_no_linear_map_reads_the_site(scans):
    ldr, site, _ = scans
    after = erased(ldr, site_effects(ldr, site, NOTHING_KNOWN))
    means = torch.stack([after[site == code].mean(dim=0) for code in range(3)])
    assert (means - means.mean(dim=0)).abs().max() < 1e-8
    accuracy = [
        LogisticRegression(C=1e3, max_iter=2000).fit(x.numpy(), site.numpy()).score(x.numpy(), site.numpy())
        for x in (ldr, after)
    ]
    assert accuracy[0] > 0.8
    assert accuracy[1] < 0.45


def test_no_smaller_change_erases_the_effects(scans):
    # The least change under the constraint, by Lagrange's multipliers: S being the covariance, A the effects' span,
    # P = I - A (A' S^-1 A)^-1 A' S^-1.
    ldr, site, _ = scans
    effects = site_effects(ldr, site, NOTHING_KNOWN)
    span = torch.linalg.svd(effects)[2][:2].T
    inverse = torch.linalg.inv(torch.cov(ldr.T))
    expected = torch.eye(6) - span @ torch.linalg.inv(span.T @ inverse @ span) @ span.T @ inverse
    torch.testing.assert_close(erasing_projection(ldr, effects), expected.double(), atol=1e-8, rtol=1e-8)


def test_effects_are_those_at_equal_age(scans):
    ldr, site, age = scans
    design = torch.cat([torch.nn.functional.one_hot(site).double(), age], dim=1)
    fitted = torch.linalg.lstsq(design, ldr).solution[:3]
    share = torch.bincount(site) / len(site)
    expected = (fitted - share.double() @ fitted) * share.sqrt()[:, None]
    torch.testing.assert_close(site_effects(ldr, site, age), expected, atol=1e-6, rtol=1e-6)


def test_what_is_due_to_age_stays(scans):
    ldr, site, age = scans
    aged = ldr + age * torch.linspace(-2, 3, 6)
    explained = []
    for covariates in (age, NOTHING_KNOWN):
        after = erased(aged, site_effects(aged, site, covariates))
        explained.append(LinearRegression().fit(after.numpy(), age.numpy()).score(after.numpy(), age.numpy()))
    assert explained[0] > explained[1] + 0.1


def test_unknown_ages_count_as_the_mean_age(scans):
    ldr, site, age = scans
    missing = age.clone()
    missing[::7] = torch.nan
    filled = torch.where(missing.isnan(), missing.nanmean(), missing)
    torch.testing.assert_close(site_effects(ldr, site, missing), site_effects(ldr, site, filled))
    nobody = torch.full_like(age, torch.nan)
    torch.testing.assert_close(site_effects(ldr, site, nobody), site_effects(ldr, site, NOTHING_KNOWN))


def test_dead_dimensions_stay_dead(scans):
    ldr, site, age = scans
    flat = torch.cat([ldr, torch.zeros(400, 2)], dim=1)
    projection = erasing_projection(flat, site_effects(flat, site, age))
    assert torch.isfinite(projection).all()
    torch.testing.assert_close(projection[:6, :6], erasing_projection(ldr, site_effects(ldr, site, age)))


def test_one_site_has_no_effect(scans):
    ldr, _, age = scans
    projection = erasing_projection(ldr, site_effects(ldr, torch.zeros(400, dtype=torch.int64), age))
    torch.testing.assert_close(projection, torch.eye(6, dtype=torch.float64))

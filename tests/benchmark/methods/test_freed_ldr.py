"""The map from latent vectors to LDRs frees them of the site, keeps the image's distances, and can be undone."""

from __future__ import annotations

import pytest
import torch

from benchmark.methods.freed_ldr import FreedLDR

NO_COVARIATES = torch.zeros(600, 0)


@pytest.fixture
def scans():
    draw = torch.Generator().manual_seed(0)
    site = torch.randint(4, (600,), generator=draw)
    anatomy = torch.randn(600, 6, generator=draw) * torch.tensor([3.0, 2, 1, 1, 0.5, 0.5])
    offset = 2 * torch.randn(4, 3, generator=draw)
    latent = torch.cat([anatomy, offset[site] + 0.1 * torch.randn(600, 3, generator=draw)], dim=1)
    latent = latent @ torch.linalg.qr(torch.randn(9, 9, generator=draw))[0]
    return latent, anatomy, site, torch.nn.functional.one_hot(site).float()


def freed(scans, ldr_dim=6, image=None, style=True):
    latent, _, site, code = scans
    module = FreedLDR(9, ldr_dim, 4 if style else 0)
    module.fit(latent, site, NO_COVARIATES, code if style else None, image)
    return module


def test_ldrs_have_the_same_mean_at_every_site(scans):
    latent, _, site, _ = scans
    ldr = freed(scans)(latent)
    means = torch.stack([ldr[site == code].mean(dim=0) for code in range(4)])
    assert ldr.shape == (600, 6)
    assert means.abs().max() < 1e-4 * ldr.std()


def test_anatomy_stays_and_axes_are_sorted(scans):
    latent, anatomy, _, _ = scans
    ldr = freed(scans)(latent)
    covariance = torch.cov(ldr.T)
    assert (covariance - covariance.diag().diag()).abs().max() < 1e-3
    assert (covariance.diag().diff() < 1e-4).all()
    anatomy = anatomy - anatomy.mean(dim=0)
    residual = anatomy - ldr @ torch.linalg.lstsq(ldr, anatomy).solution
    assert residual.square().sum() < 0.05 * anatomy.square().sum()


def test_a_direction_that_was_erased_is_exactly_zero(scans):
    ldr = freed(scans, ldr_dim=9)(scans[0])
    assert (ldr.std(dim=0) > 0).sum() == 6
    assert not ldr[:, 6:].any()


def test_distances_are_those_of_the_images(scans):
    latent, anatomy, site, _ = scans
    # In the images the second feature is large and the first one small; the encoder has it the other way round.
    image = anatomy * torch.tensor([0.1, 5.0, 1, 1, 1, 1])
    ldr = freed(scans, image=image)(latent)
    # Within a site: between sites, what their few subjects differ by is erased as well.
    one, other = torch.pdist(ldr[site == 0]), torch.pdist(image[site == 0])
    assert torch.corrcoef(torch.stack([one, other]))[0, 1] > 0.98
    assert (one / other).median().item() == pytest.approx(1, abs=0.05)
    plain = torch.pdist(freed(scans)(latent)[site == 0])
    assert torch.corrcoef(torch.stack([plain, other]))[0, 1] < 0.8


def test_the_style_code_gives_back_what_was_erased(scans):
    latent, _, _, code = scans
    wide = (latent - latent.mean(dim=0)).square().sum()
    with_code = freed(scans)
    assert (with_code.latent(with_code(latent), code) - latent).square().sum() < 0.02 * wide
    without = freed(scans, style=False)
    assert (without.latent(without(latent), None) - latent).square().sum() > 0.2 * wide

"""Penalties on how sites differ: zero for equal sites, larger for what they claim to see, and of use in training."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

from baselines.autoencoder import Autoencoder
from baselines.deep_coral import DeepCORAL
from baselines.hsic import HSIC
from baselines.mmd import MMD, WIDTHS
from baselines.site_penalty import LEAST_SCANS
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.conformance import check_method
from benchmark.methods.errors import MethodError
from tests.toy_sites import anatomy_explained, between_sites, trained

PENALTIES = (MMD, DeepCORAL, HSIC)
EVERYTHING = BuildingBlocks(components=24, view_weight=1.0, erase="transductive", image_metric=True)
#: A turn of the first two of three dimensions by 90 degrees.
TURN = torch.tensor([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]], dtype=torch.float64)


def drawn(seed, scans=16, sites=4):
    """LDRs (scan, 3) of sites that do not differ, wider along the first axis, and their sites."""
    draw = torch.Generator().manual_seed(seed)
    ldrs = torch.randn(scans * sites, 3, generator=draw, dtype=torch.float64)
    return ldrs * torch.tensor([3.0, 1, 1], dtype=torch.float64), torch.arange(sites).repeat(scans)


def moved(change, strength, ldrs, sites):
    """The same, with site 0 changed."""
    first = (sites == 0)[:, None]
    if change == "offset":
        return ldrs + first * strength * torch.tensor([0.0, 3, 0], dtype=torch.float64)
    if change == "scale":
        return ldrs * torch.where(first, 1 + 2 * strength, 1.0)
    return torch.where(first, (1 - strength) * ldrs + strength * (ldrs @ TURN), ldrs)


def penalties(method, change="none", strength=0.0, draws=100):
    model = method()
    return torch.stack(
        [
            model.penalty(moved(change, strength, *drawn(seed)) if strength else drawn(seed)[0], drawn(seed)[1])
            for seed in range(draws)
        ]
    )


@pytest.mark.parametrize("method", PENALTIES)
def test_sites_that_do_not_differ_cost_nothing(method):
    found = penalties(method)
    assert abs(found.mean().item()) < 4 * found.std().item() / len(found) ** 0.5
    # An estimate with the bias of sampling would be above 0 each time.
    assert (found < 0).float().mean() > 0.3


@pytest.mark.parametrize("change", ["offset", "scale", "rotation"])
@pytest.mark.parametrize("method", PENALTIES)
def test_sites_that_differ_cost_more_the_more_they_do(method, change):
    none, little, much = (penalties(method, change, strength).mean() for strength in (0.0, 0.5, 1.0))
    assert none < little < much
    assert much > 4 * penalties(method).std() / 10


@pytest.mark.parametrize("method", PENALTIES)
def test_neither_scale_nor_place_nor_numbering_of_sites_matters(method):
    model, (ldrs, sites) = method(), drawn(0)
    ldrs = moved("offset", 1.0, ldrs, sites)
    expected = model.penalty(ldrs, sites)
    for other in (1e-3 * ldrs, 100 * ldrs, ldrs + 5):
        torch.testing.assert_close(model.penalty(other, sites), expected)
    torch.testing.assert_close(model.penalty(ldrs, 9 - 2 * sites), expected)


@pytest.mark.parametrize("method", PENALTIES)
def test_ldrs_that_are_all_the_same_have_a_finite_gradient(method):
    ldrs = torch.ones(16, 3, requires_grad=True)
    method().penalty(ldrs, torch.arange(4).repeat(4)).backward()
    assert torch.isfinite(ldrs.grad).all()


def test_mmd_is_that_of_each_site_and_all_by_scikit_learn():
    ldrs, sites = drawn(0, scans=5, sites=3)
    ldrs = moved("offset", 1.0, ldrs, sites)
    values, codes = ldrs.numpy(), sites.numpy()
    squared = euclidean_distances(values, squared=True)
    median = np.median(squared[np.triu_indices(len(values), 1)])
    kernel = np.mean([rbf_kernel(values, gamma=1 / (width * median)) for width in WIDTHS], axis=0)

    def product(one, other):
        pairs = kernel[np.ix_(codes == one, codes == other)]
        return pairs[~np.eye(5, dtype=bool)].mean() if one == other else pairs.mean()

    everyone = range(3)
    discrepancies = [
        product(site, site)
        - 2 * np.mean([product(site, other) for other in everyone])
        + np.mean([product(one, other) for one in everyone for other in everyone])
        for site in everyone
    ]
    assert MMD().penalty(ldrs, sites).item() == pytest.approx(np.mean(discrepancies), abs=1e-12)


def test_deep_coral_is_that_of_numpy_covariances_where_scans_are_many():
    ldrs, sites = drawn(0, scans=20_000)
    ldrs = moved("rotation", 1.0, moved("offset", 0.5, ldrs, sites), sites)
    parts = [ldrs[sites == site].numpy() for site in range(4)]
    covariances, means = np.stack([np.cov(part.T) for part in parts]), np.stack([part.mean(axis=0) for part in parts])
    of_all = covariances.mean(axis=0)
    expected = np.square(covariances - of_all).sum(axis=(1, 2)).mean() / np.square(of_all).sum()
    expected += np.square(means - means.mean(axis=0)).sum(axis=1).mean() / np.trace(of_all)
    small = [DeepCORAL().penalty(ldrs[:count], sites[:count]).item() for count in (64, 8_000)]
    assert small[1] == pytest.approx(expected, rel=0.02)
    assert small[0] != pytest.approx(expected, rel=0.001)


def test_hsic_is_the_centred_alignment_where_scans_are_many():
    ldrs, sites = drawn(0, scans=200)
    ldrs = moved("offset", 1.0, ldrs, sites)
    squared = euclidean_distances(ldrs.numpy(), squared=True)
    kernel = np.exp(-squared / np.median(squared[np.triu_indices(len(ldrs), 1)]))
    label = (sites.numpy()[:, None] == sites.numpy()).astype(float)
    centring = np.eye(len(ldrs)) - 1 / len(ldrs)
    kernel, label = centring @ kernel @ centring, centring @ label @ centring
    expected = (kernel * label).sum() / np.sqrt((kernel**2).sum() * (label**2).sum())
    assert HSIC().penalty(ldrs, sites).item() == pytest.approx(expected, abs=0.01)
    assert HSIC().penalty(ldrs, sites[torch.randperm(len(sites))]).item() == pytest.approx(0, abs=0.01)


@pytest.fixture(scope="module")
def plain():
    return trained(Autoencoder)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "weight"), [(MMD, 100.0), (DeepCORAL, 30.0), (HSIC, 30.0)])
def test_training_takes_an_offset_of_intensity_out_and_keeps_the_subject(plain, method, weight):
    free = trained(partial(method, weight=weight))
    assert between_sites(*free) < between_sites(*plain) / 2
    assert anatomy_explained(*free) > 0.7


@pytest.mark.parametrize("method", PENALTIES)
def test_building_blocks_work_with_each(method):
    assert check_method(lambda: method(ldr_dim=12, width=4, blocks=EVERYTHING), processes=1) == []


def test_nothing_is_estimated_of_sites_with_few_scans():
    class Recording(MMD):
        def penalty(self, ldrs, sites):
            seen.append(sorted(sites.unique(return_counts=True)[1].tolist()))
            return super().penalty(ldrs, sites)

    seen = []
    trained(partial(Recording, memory_batches=2), epochs=1)
    # Batches have two scans of each site: one batch is too few.
    assert seen == [[4] * 4] + [[6] * 4] * 4
    assert min(map(min, seen)) >= LEAST_SCANS


@pytest.mark.parametrize("name", ["weight", "memory_batches"])
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_negative_settings_are_refused(name, value):
    with pytest.raises(MethodError, match=f"{name}: {value} is not allowed; it must be at least 0"):
        MMD(**{name: value})

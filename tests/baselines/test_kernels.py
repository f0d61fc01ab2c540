"""Kernels against scikit-learn; estimates against sums over all choices of scans, and on average against the truth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

from baselines.kernels import covariance_norm, median_rbf, site_products, spread, u_centred


def points(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_rbf_is_that_of_scikit_learn():
    ldrs = points(31, 5)
    # 465 pairs: an odd number, so that the median is one of them.
    median = np.median(euclidean_distances(ldrs.numpy(), squared=True)[np.triu_indices(31, 1)])
    expected = (rbf_kernel(ldrs.numpy(), gamma=1 / median) + rbf_kernel(ldrs.numpy(), gamma=1 / (3 * median))) / 2
    np.testing.assert_allclose(median_rbf(ldrs, (1.0, 3.0)).numpy(), expected, atol=1e-12)


def test_rbf_is_the_same_at_any_scale_and_defined_for_equal_points():
    ldrs = points(20, 3)
    torch.testing.assert_close(median_rbf(1e-3 * ldrs), median_rbf(ldrs))
    assert torch.equal(median_rbf(torch.ones(6, 3)), torch.ones(6, 6))


def test_median_has_no_gradient():
    ldrs = points(21, 2).requires_grad_()
    median_rbf(ldrs).sum().backward()
    median = torch.pdist(ldrs.detach()).square().median()
    other = ldrs.detach().clone().requires_grad_()
    torch.exp(-(other[:, None] - other).square().sum(dim=2) / median).sum().backward()
    torch.testing.assert_close(ldrs.grad, other.grad)


def test_site_products_are_means_over_pairs_of_different_scans():
    kernel, sites = median_rbf(points(9, 2)), torch.tensor([4, 4, 4, 7, 7, 9, 9, 9, 9])
    for row, one in enumerate((4, 7, 9)):
        for column, other in enumerate((4, 7, 9)):
            pairs = [(i, j) for i in range(9) for j in range(9) if i != j and sites[i] == one and sites[j] == other]
            expected = sum(kernel[i, j] for i, j in pairs) / len(pairs)
            torch.testing.assert_close(site_products(kernel, sites)[row, column], expected)


def test_spread_is_the_mean_squared_distance_from_the_mean():
    vectors = points(5, 3)
    expected = (vectors - vectors.mean(dim=0)).square().sum(dim=1).mean()
    torch.testing.assert_close(spread(vectors @ vectors.T), expected)


def test_u_centred_has_no_sums_and_no_diagonal():
    centred = u_centred(median_rbf(points(8, 3)))
    assert centred.sum(dim=0).abs().max() < 1e-12
    assert not centred.diagonal().any()


def test_products_of_u_centred_kernels_are_the_sum_over_all_choices_of_four_scans():
    # Gretton et al., ALT 2005: E kk' + E k E k' - 2 E k k'', each mean over choices of different scans.
    one, other = median_rbf(points(6, 2)), median_rbf(points(6, 3, seed=1))
    choices = list(itertools.permutations(range(6), 4))
    terms = [one[i, j] * other[i, j] + one[i, j] * other[k, q] - 2 * one[i, j] * other[i, k] for i, j, k, q in choices]
    found = (u_centred(one) * u_centred(other)).sum() / (6 * 3)
    torch.testing.assert_close(found, sum(terms) / len(choices))


@pytest.mark.parametrize("scans", [4, 8])
def test_norm_of_a_covariance_is_met_on_average_by_few_scans(scans):
    scale = torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)
    samples = points(20_000, scans, 3) * scale + 5
    found = torch.func.vmap(covariance_norm)(samples)
    # 4² + 1² + 0.25²
    assert found.mean().item() == pytest.approx(17.0625, abs=4 * found.std().item() / 20_000**0.5)
    plain = torch.func.vmap(lambda ldrs: torch.cov(ldrs.T).square().sum())(samples)
    assert plain.mean() > 1.2 * 17.0625

"""Quality of reconstructions against SciPy and torchmetrics, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from torchmetrics.functional.image import structural_similarity_index_measure

from benchmark.methods.image_quality import reconstruction_quality, structural_similarity


@pytest.fixture
def pair():
    torch.manual_seed(0)
    volume = torch.randn(2, 1, 16, 18, 20)
    volume[0, 0, :4] = 0
    return volume + 0.3 * torch.randn_like(volume), volume


def test_by_hand():
    # Inside: values 1 and 3, errors 1 and -1: RMSE 1, range 2, PSNR 20 log10(2 / 1). The third voxel is outside.
    volume = torch.tensor([1.0, 3.0, 0.0]).reshape(1, 1, 3, 1, 1)
    found = reconstruction_quality(torch.tensor([2.0, 2.0, 9.0]).reshape(1, 1, 3, 1, 1), volume)
    assert found[0, :2].tolist() == pytest.approx([1.0, 20 * math.log10(2)])


def test_a_perfect_reconstruction(pair):
    _, volume = pair
    quality = reconstruction_quality(volume, volume)
    assert quality[:, 0].tolist() == [0, 0]
    assert torch.isinf(quality[:, 1]).all()
    assert quality[:, 2].tolist() == pytest.approx([1, 1])


def test_similarity_map_against_scipy(pair):
    one, other = (part[1, 0].double().numpy() for part in pair)
    span = other.max() - other.min()
    mean = lambda x: uniform_filter(x, 7)  # noqa: E731
    a, b = mean(one), mean(other)
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    top = (2 * a * b + c1) * (2 * (mean(one * other) - a * b) + c2)
    bottom = (a**2 + b**2 + c1) * (mean(one**2) - a**2 + mean(other**2) - b**2 + c2)
    found = structural_similarity(*(part[1:].double() for part in pair), torch.tensor([span]))[0, 0].numpy()
    inner = (slice(3, -3),) * 3
    np.testing.assert_allclose(found[inner], (top / bottom)[inner], rtol=1e-8)


def test_similarity_against_torchmetrics(pair):
    reconstruction, volume = (part[1:].double() for part in pair)
    span = float(volume.max() - volume.min())
    _, full = structural_similarity_index_measure(
        reconstruction, volume, gaussian_kernel=False, kernel_size=7, data_range=span, return_full_image=True
    )
    found = structural_similarity(reconstruction, volume, torch.tensor([span]))
    inner = (..., slice(4, -4), slice(4, -4), slice(4, -4))
    torch.testing.assert_close(found[inner], full[inner], rtol=1e-6, atol=1e-8)


def test_only_the_mask_counts(pair):
    reconstruction, volume = pair
    changed = reconstruction.clone()
    changed[volume == 0] += 5
    assert torch.equal(
        reconstruction_quality(changed, volume)[:, :2], reconstruction_quality(reconstruction, volume)[:, :2]
    )

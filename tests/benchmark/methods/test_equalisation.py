"""What equalisation leaves of a volume."""

from __future__ import annotations

import pytest
import torch

from benchmark.methods.equalisation import deshaded, equalise, masked_smooth

SHAPE = (18, 20, 18)


@pytest.fixture
def volume():
    """Noise in balls of three sizes, shape (3, x, y, z); 0 outside."""
    grid = torch.meshgrid(*[torch.linspace(-1, 1, size) for size in SHAPE], indexing="ij")
    radius = torch.tensor([0.6, 0.75, 0.9])[:, None, None, None]
    inside = torch.stack(grid).square().sum(dim=0) < radius**2
    return inside * torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0))


def test_ranks_do_not_know_the_contrast(volume):
    mask = volume != 0
    plain, changed = equalise(volume, mask), equalise(torch.where(mask, (0.5 * volume).exp() + 3, 0.0), mask)
    assert (plain - changed).abs().max() < 0.01
    assert not plain[~mask].any()
    inside = plain[0][mask[0]]
    assert inside.min() < -0.49
    assert inside.max() > 0.49
    assert abs(inside.mean()) < 1e-3
    assert (inside.argsort() == volume[0][mask[0]].argsort()).float().mean() > 0.5


def test_smoothing_sees_nothing_outside_of_the_mask(volume):
    mask = volume != 0
    outside = torch.where(mask, volume, 1e6)
    torch.testing.assert_close(masked_smooth(volume, mask, 2.0), masked_smooth(outside, mask, 2.0))
    level = masked_smooth(torch.ones_like(volume), mask, 2.0)
    torch.testing.assert_close(level, mask.float())


def test_a_shading_goes_and_what_is_outside_stays(volume):
    mask = volume != 0
    shading = torch.linspace(-3, 3, SHAPE[0])[:, None, None] * mask
    change = deshaded(volume + shading, mask, 2.0) - deshaded(volume, mask, 2.0)
    assert change[mask].square().mean() < 0.1 * shading[mask].square().mean()
    assert not change[~mask].any()

"""Views change how a scan looks, replayably, and nothing outside of the mask."""

from __future__ import annotations

import pytest
import torch

from benchmark.methods.views import _smoothed, acquisition_views


@pytest.fixture
def volume():
    torch.manual_seed(0)
    inside = torch.zeros(3, 1, 12, 16, 12)
    inside[..., 2:10, 3:13, 2:10] = 1
    image = torch.rand(3, 1, 12, 16, 12) + 0.1
    mean = (image * inside).sum((1, 2, 3, 4), keepdim=True) / inside.sum((1, 2, 3, 4), keepdim=True)
    centred = (image - mean) * inside
    return centred / (centred.square().sum((1, 2, 3, 4), keepdim=True) / 640).sqrt()


ROWS = torch.tensor([4, 9, 2])


def test_normalised_inside_and_zero_outside(volume):
    views = acquisition_views(volume, ROWS, epoch=1, seed=3)
    assert (views[volume == 0] == 0).all()
    inside = views[volume != 0].reshape(3, -1)
    assert inside.mean(dim=1).abs().max() < 1e-5
    assert torch.allclose(inside.square().mean(dim=1), torch.ones(3), atol=1e-4)
    assert (views - volume).abs().mean() > 0.02


def test_a_scan_s_draw_depends_on_seed_epoch_and_row_alone(volume):
    views = acquisition_views(volume, ROWS, epoch=1, seed=3)
    torch.rand(5)
    assert torch.equal(acquisition_views(volume[1:2], ROWS[1:2], epoch=1, seed=3), views[1:2])
    for other in ({"epoch": 2, "seed": 3}, {"epoch": 1, "seed": 4}):
        assert not torch.equal(acquisition_views(volume, ROWS, **other), views)
    assert not torch.equal(acquisition_views(volume, ROWS + 1, epoch=1, seed=3), views)


def test_the_global_generator_is_left_alone(volume):
    before = torch.get_rng_state()
    acquisition_views(volume, ROWS, epoch=0, seed=0)
    assert torch.equal(before, torch.get_rng_state())


def test_strength_zero_gives_the_volume_back(volume):
    # The floor of 1e-4 of the range, under which the logarithm would not exist, moves the darkest voxel by that much.
    assert torch.allclose(acquisition_views(volume, ROWS, 0, 0, strength=0.0), volume, atol=1e-2)


def test_smoothing_is_a_convolution_with_a_quarter_a_half_and_a_quarter():
    image = torch.rand(2, 1, 5, 6, 7)
    kernel = torch.tensor([0.25, 0.5, 0.25])
    kernel = kernel[:, None, None] * kernel[:, None] * kernel
    expected = torch.nn.functional.conv3d(image, kernel[None, None], padding=1)
    assert torch.allclose(_smoothed(image), expected, atol=1e-6)


def test_shape_is_kept_where_intensities_are_swapped(volume):
    # What is bright stays brighter than what is dark: a view is no other anatomy.
    views = acquisition_views(volume, ROWS, epoch=5, seed=1, strength=0.5)
    for before, after in zip(volume, views, strict=True):
        inside = before != 0
        assert torch.corrcoef(torch.stack([before[inside], after[inside]]))[0, 1] > 0.5

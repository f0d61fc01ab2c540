"""Views change how a scan looks, and a little of where it lies, replayably."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from benchmark.methods.errors import MethodError
from benchmark.methods.views import Views

NONE = dict.fromkeys((field.name for field in fields(Views)), 0.0)
ROWS = torch.tensor([4, 9, 2])


def only(name, strength=1.0):
    return Views(**NONE | {name: strength})


@pytest.fixture
def volume():
    draw = torch.Generator().manual_seed(0)
    inside = torch.zeros(3, 1, 24, 32, 24)
    inside[..., 4:20, 6:26, 4:20] = 1
    # Smooth, as brains are: of noise nothing would be left after a shift of half a voxel.
    image = torch.nn.functional.interpolate(
        torch.rand(3, 1, 6, 8, 6, generator=draw), inside.shape[2:], mode="trilinear", align_corners=True
    )
    mean = (image * inside).sum((1, 2, 3, 4), keepdim=True) / inside.sum((1, 2, 3, 4), keepdim=True)
    centred = (image - mean) * inside
    return centred / (centred.square().sum((1, 2, 3, 4), keepdim=True) / inside[0].sum()).sqrt()


def views(volume, of=Views(), rows=ROWS, epoch=1, seed=3, spacing=4.0):  # noqa: B008 (frozen)
    return of.of(volume, rows, epoch, seed, spacing)


def test_normalised_inside_and_zero_outside(volume):
    seen = views(volume)
    for view in seen:
        inside = view[view != 0]
        assert abs(inside.mean()) < 1e-5
        assert inside.square().mean().item() == pytest.approx(1, abs=1e-3)
        assert 0.6 < len(inside) / (volume[0] != 0).sum() < 1.2
    assert (seen - volume).abs().mean() > 0.02


@pytest.mark.parametrize("name", ["contrast", "bias", "resolution", "noise"])
def test_a_family_of_looks_keeps_the_mask(volume, name):
    seen = views(volume, only(name))
    assert (seen[volume == 0] == 0).all()
    assert (seen != volume).any()
    for before, after in zip(volume, seen, strict=True):
        inside = before != 0
        assert torch.corrcoef(torch.stack([before[inside], after[inside]]))[0, 1] > 0.8


def test_families_draw_on_their_own(volume):
    # Switching one off changes nothing of another: with the noise alone, what differs from no noise is the noise.
    both, one = Views(**NONE | {"bias": 1.0, "contrast": 1.0}), only("bias")
    assert not torch.equal(views(volume, both), views(volume, one))
    weak = Views(**NONE | {"bias": 1.0, "contrast": 1e-9})
    torch.testing.assert_close(views(volume, weak), views(volume, one), atol=1e-4, rtol=1e-4)


def test_nothing_differs_where_all_families_are_off(volume):
    # The floor of 1e-4 of the range, under which the logarithm would not exist, moves the darkest voxel by that much.
    torch.testing.assert_close(views(volume, Views(**NONE)), volume, atol=1e-2, rtol=0)


def test_a_mask_s_edge_moves_by_about_a_voxel_and_no_more(volume):
    seen = views(volume, only("mask"))
    deep = torch.zeros_like(volume, dtype=torch.bool)
    deep[..., 6:18, 8:24, 6:18] = True
    assert (seen[deep] != 0).all()
    sizes = (seen != 0).sum((1, 2, 3, 4))
    assert len(set(sizes.tolist())) == 3
    assert ((seen != 0) & (volume == 0)).sum() == 0


def displacement(before, after, spacing):
    """Shift in mm along the first axis that least squares reads from a small difference."""
    slope = (before.roll(-1, 2) - before.roll(1, 2)) / (2 * spacing)
    inside = torch.zeros_like(before)
    inside[..., 6:18, 8:24, 6:18] = 1
    return ((after - before) * slope * inside).sum((1, 2, 3, 4)) / (slope.square() * inside).sum((1, 2, 3, 4))


def test_shifts_are_in_mm_on_any_grid(volume):
    rows = torch.arange(60)
    many = volume[:1].expand(60, -1, -1, -1, -1)
    spreads = []
    for spacing in (4.0, 8.0):
        moved = views(many, only("registration"), rows=rows, spacing=spacing)
        spreads.append(displacement(many, moved, spacing).std().item())
    # 1 mm by the shift, and what rotation, size and shear add, which is more where the head is larger.
    assert 0.5 < spreads[0] < 2.5
    assert 0.4 < spreads[1] / spreads[0] < 2.5


def test_a_scan_s_draw_depends_on_seed_epoch_and_row_alone(volume):
    seen = views(volume)
    torch.rand(5)
    torch.testing.assert_close(views(volume[1:2], rows=ROWS[1:2]), seen[1:2], atol=1e-4, rtol=1e-4)
    for other in ({"epoch": 2}, {"seed": 4}, {"rows": ROWS + 1}):
        assert not torch.equal(views(volume, **other), seen)


def test_the_global_generator_is_left_alone(volume):
    before = torch.get_rng_state()
    views(volume)
    assert torch.equal(before, torch.get_rng_state())


def test_a_negative_strength_is_refused():
    with pytest.raises(MethodError, match=r"blocks.views.mask: -1 is not allowed; it must be at least 0"):
        Views(mask=-1)

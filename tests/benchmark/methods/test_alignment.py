"""Affine alignment finds how a volume was moved, and leaves alone what it cannot know."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from benchmark.methods.alignment import align, moved_by

SPACING = 5.0


@pytest.fixture
def template():
    """A smooth pattern in a ball, and the ball, both (x, y, z)."""
    shape = (24, 28, 24)
    small = torch.randn(1, 1, 8, 9, 8, generator=torch.Generator().manual_seed(0))
    pattern = functional.interpolate(small, shape, mode="trilinear", align_corners=True)[0, 0]
    axes = torch.meshgrid(*[torch.linspace(-1, 1, n) for n in shape], indexing="ij")
    ball = torch.stack(axes).square().sum(dim=0) < 0.7
    return torch.where(ball, pattern, 0.0), ball


@pytest.fixture
def motions():
    """Shifts of 3 to 4 mm; a rotation, a stretch and a shear by 5 mm at 70 mm; some of everything; nothing."""
    motion = torch.zeros(7, 3, 4)
    motion[0, 0, 0] = 4.0
    motion[1, 2, 0] = -3.0
    motion[2, 0, 2], motion[2, 1, 1] = 5.0, -5.0
    motion[3, 1, 2] = 5.0
    motion[4, 0, 3] = 5.0
    motion[5] = 6 * torch.rand(3, 4, generator=torch.Generator().manual_seed(1)) - 3
    return motion


def test_what_was_moved_comes_back(template, motions):
    pattern, ball = template
    weight = ball.float()
    moved = moved_by(motions, torch.stack([pattern, weight])[None].expand(7, -1, -1, -1, -1), SPACING)
    mask = moved[:, 1] > 0.5
    volume = torch.where(mask, moved[:, 0] / moved[:, 1].clamp_min(0.5), 0.0)
    # The last volume was not moved.
    aligned, shown = align(volume, mask, pattern, weight, SPACING)
    both = shown & mask & ball
    before = ((volume - pattern) * both).square().flatten(1).mean(dim=1)[:6]
    after = ((aligned - pattern) * both).square().flatten(1).mean(dim=1)
    assert (after[:6] < 0.5 * before).all()
    assert after[:6].sum() < 0.25 * before.sum()
    assert after[6] < 1e-3 * before.mean()


def test_without_a_step_nothing_moves(template):
    pattern, ball = template
    aligned, shown = align(pattern[None], ball[None], pattern.flip(0), ball.float(), SPACING, steps=0)
    torch.testing.assert_close(aligned[0], pattern, atol=1e-4, rtol=1e-4)
    assert torch.equal(shown[0], ball)


def test_where_a_mask_ends_does_not_pull(template):
    pattern, ball = template
    cut = ball.clone()
    cut[:9] = False
    aligned, shown = align(torch.where(cut, pattern, 0.0)[None], cut[None], pattern, ball.float(), SPACING)
    assert ((aligned[0] - pattern) * shown[0]).square().mean() < 1e-4 * pattern.square().mean()


def test_a_scan_that_the_template_does_not_explain_stays(template):
    pattern, ball = template
    noise = torch.randn(4, *ball.shape, generator=torch.Generator().manual_seed(2)) * ball
    mask = ball.expand(4, -1, -1, -1)
    shown = align(noise, mask, 0.05 * pattern, ball.float(), SPACING)[1]
    assert (shown == mask).float().mean() > 0.98


def test_a_scan_without_a_brain_stays_empty(template):
    pattern, ball = template
    empty = torch.zeros_like(pattern)[None]
    aligned, shown = align(empty, empty.bool(), pattern, ball.float(), SPACING)
    assert not aligned.any()
    assert not shown.any()


def test_a_scan_does_not_depend_on_its_batch(template, motions):
    pattern, ball = template
    volume = moved_by(motions, pattern[None, None].expand(7, -1, -1, -1, -1), SPACING)[:, 0]
    alone = align(volume[5:6], volume[5:6] != 0, pattern, ball.float(), SPACING)[0]
    together = align(volume, volume != 0, pattern, ball.float(), SPACING)[0][5:6]
    torch.testing.assert_close(alone, together, atol=1e-4, rtol=1e-4)

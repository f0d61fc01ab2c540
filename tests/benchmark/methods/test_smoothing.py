"""Smoothing has one width in mm on every grid."""

from __future__ import annotations

import pytest
import torch

from benchmark.methods.smoothing import blurred, smoothed


def test_blur_is_in_mm_on_any_grid():
    # Of one and the same image, sampled at 4 mm and at 2 mm, the fine one is blurred by as many mm.
    impulse = torch.zeros(1, 1, 33, 33, 33)
    impulse[..., 16, 16, 16] = 1.0
    variances = []
    for spacing in (5.0, 4.0, 2.0, 1.0):
        places = (torch.arange(33.0) - 16) * spacing
        variances.append((blurred(impulse, spacing).sum((0, 1, 3, 4)) * places.square()).sum().item())
    assert variances == pytest.approx([8.0, 8.0, 8.0, 8.0], rel=0.01)


def test_smoothing_is_a_convolution_with_a_quarter_a_half_and_a_quarter():
    image = torch.rand(2, 1, 5, 6, 7)
    kernel = torch.tensor([0.25, 0.5, 0.25])
    kernel = kernel[:, None, None] * kernel[:, None] * kernel
    expected = torch.nn.functional.conv3d(image, kernel[None, None], padding=1)
    torch.testing.assert_close(smoothed(image), expected, atol=1e-6, rtol=1e-6)

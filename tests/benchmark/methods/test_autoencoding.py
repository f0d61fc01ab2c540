import math

import pytest
import torch

from benchmark.methods.autoencoding import spectrum


def test_spectrum_of_a_line_and_of_a_ball():
    line = torch.arange(10.0)[:, None] * torch.tensor([[1.0, 2.0, 3.0]])
    rank, share = spectrum(line)
    assert rank.item() == pytest.approx(1, abs=1e-3)
    assert share.item() == pytest.approx(1, abs=1e-5)
    cross = torch.cat([torch.eye(3), -torch.eye(3)])
    rank, share = spectrum(cross)
    assert rank.item() == pytest.approx(3, abs=1e-4)
    assert share.item() == pytest.approx(1 / 3, abs=1e-5)


def test_spectrum_by_hand():
    # Variances 9 : 1, shares 0.9 and 0.1: exp(-(0.9 ln 0.9 + 0.1 ln 0.1)) = exp(0.32508)
    points = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    rank, share = spectrum(points)
    assert rank.item() == pytest.approx(math.exp(0.32508), abs=1e-3)
    assert share.item() == pytest.approx(0.9, abs=1e-5)

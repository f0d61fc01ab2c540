import pytest
import torch

from seada.decorrelation import variance_covariance_penalty


def test_penalty_by_hand():
    # Columns (-1, 1) * sqrt(1/2)... with n = 2: x = (1, -1), y = (2, -2): variances 2 and 8, covariance 4.
    ldr = torch.tensor([[1.0, 2.0], [-1.0, -2.0]])
    variance, covariance = variance_covariance_penalty(ldr)
    # |sqrt(2) - 1| = 0.41421, |sqrt(8) - 1| = 1.82843, mean 1.12132; 2 * 4**2 / 2 dimensions = 16
    assert variance.item() == pytest.approx(1.12132, abs=1e-3)
    assert covariance.item() == pytest.approx(16.0)


def test_a_collapsed_representation_is_punished_and_a_white_one_is_not():
    torch.manual_seed(0)
    white = torch.randn(4000, 4)
    collapsed = white[:, :1].repeat(1, 4)
    assert sum(variance_covariance_penalty(white)) < 0.1
    assert variance_covariance_penalty(collapsed)[1] > 2.5

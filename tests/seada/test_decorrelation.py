import math

import pytest
import torch

from seada.decorrelation import rank_penalty, variance_covariance_penalty


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


def test_rank_penalty_by_hand():
    # Four axes alike: effective rank 4. Variances 9 : 1: entropy 0.32508.
    cross = torch.cat([torch.eye(4), -torch.eye(4)])
    assert rank_penalty(cross, 4).item() == pytest.approx(0, abs=1e-9)
    assert rank_penalty(cross, 2).item() == pytest.approx(math.log(2) ** 2, abs=1e-5)
    line = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert rank_penalty(line, 2).item() == pytest.approx((math.log(2) - 0.32508) ** 2, abs=1e-4)


def test_rank_penalty_ignores_shift_scale_and_rotation():
    torch.manual_seed(0)
    ldr = torch.randn(50, 6) * torch.linspace(0.2, 2, 6)
    rotation = torch.linalg.qr(torch.randn(6, 6))[0]
    assert torch.allclose(rank_penalty(ldr, 3), rank_penalty(5 * ldr @ rotation + 7, 3), atol=1e-4)


@pytest.mark.parametrize("spread", [0.01, 1.0])
def test_rank_penalty_is_met_by_descent_from_both_sides(spread):
    torch.manual_seed(0)
    ldr = torch.cat([torch.randn(100, 1), spread * torch.randn(100, 9)], dim=1).requires_grad_()
    before = rank_penalty(ldr, 5).item()
    optimizer = torch.optim.Adam([ldr], 0.02)
    for _ in range(200):
        optimizer.zero_grad()
        rank_penalty(ldr, 5).backward()
        optimizer.step()
    assert before > 0.3
    assert rank_penalty(ldr, 5).item() < 0.01


def test_rank_penalty_of_scans_that_are_all_the_same_is_finite():
    ldr = torch.ones(10, 4, requires_grad=True)
    rank_penalty(ldr, 3).backward()
    assert torch.isfinite(ldr.grad).all()

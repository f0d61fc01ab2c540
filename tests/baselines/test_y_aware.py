"""The kernel of ages lies between SimCLR and a loss in which all scans are positives."""

from __future__ import annotations

import math

import pytest
import torch

from baselines.simclr import SimCLR, contrastive_loss
from baselines.y_aware import YAware
from benchmark.methods.errors import MethodError

INDEX = torch.arange(4).repeat_interleave(2)
AGE = torch.tensor([60.0, 60.0, 64.0, 71.0]).repeat_interleave(2)


def of_simclr():
    return SimCLR().positives((INDEX,), 8)


@pytest.mark.parametrize("width", [0.0, 1e-3])
def test_without_a_width_it_is_simclr(width):
    torch.manual_seed(0)
    vectors, age = torch.randn(8, 5), torch.tensor([60.0, 61.0, 64.0, 71.0]).repeat_interleave(2)
    positives = YAware(kernel_width=width).positives((INDEX, age), 8)
    assert torch.equal(positives, of_simclr())
    assert contrastive_loss(vectors, positives, 0.1) == contrastive_loss(vectors, of_simclr(), 0.1)


def test_with_an_infinite_width_all_are_positives():
    positives = YAware(kernel_width=math.inf).positives((INDEX, AGE), 8)
    assert torch.equal(positives, torch.ones(8, 8))
    torch.manual_seed(0)
    vectors = torch.randn(8, 5)
    unit = torch.nn.functional.normalize(vectors, dim=1)
    shares = [
        -math.log(math.exp(unit[i] @ unit[j]) / sum(math.exp(unit[i] @ unit[k]) for k in range(8) if k != i))
        for i in range(8) for j in range(8) if j != i
    ]  # fmt: skip
    assert contrastive_loss(vectors, positives, 1.0).item() == pytest.approx(sum(shares) / len(shares), rel=1e-5)


def test_weights_by_hand():
    # Differences of 0, 4 and 11 years by a width of 5.
    weights = YAware().positives((INDEX, AGE), 2)[0, ::2]
    expected = [math.exp(-(11**2) / 50), math.exp(-(11**2) / 50), math.exp(-(7**2) / 50), 1.0]
    assert weights.tolist() == pytest.approx(expected)


def test_a_scan_of_unknown_age_has_its_own_views_alone():
    age = torch.where(INDEX == 2, torch.nan, AGE)
    weights = YAware(kernel_width=math.inf).positives((INDEX, age), 8)
    known = (INDEX != 2).float()
    same = of_simclr()
    assert torch.equal(weights, torch.maximum(same, known[:, None] * known[None]))


def test_a_negative_width_is_refused():
    with pytest.raises(MethodError, match="kernel_width: -1 is not allowed; it must be at least 0"):
        YAware(kernel_width=-1)

"""The contrastive loss is the paper's, over the kept vectors too."""

from __future__ import annotations

import math

import pytest
import torch

from baselines.simclr import SimCLR, contrastive_loss
from benchmark.methods.errors import MethodError


def cosine(one, other):
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.sqrt(sum(a * a for a in one) * sum(b * b for b in other))


def nt_xent(vectors, temperature):
    """Equation 1 of the paper, by loops: views 2k and 2k + 1 are a pair."""
    total = 0.0
    for i in range(len(vectors)):
        pair = i + 1 if i % 2 == 0 else i - 1
        numerator = math.exp(cosine(vectors[i], vectors[pair]) / temperature)
        denominator = sum(math.exp(cosine(vectors[i], vectors[k]) / temperature) for k in range(len(vectors)) if k != i)
        total -= math.log(numerator / denominator)
    return total / len(vectors)


def pairs(index, anchors):
    return SimCLR().positives((index,), anchors)


def test_loss_is_that_of_a_naive_loop():
    torch.manual_seed(0)
    vectors, index = torch.randn(10, 5, dtype=torch.float64), torch.arange(5).repeat_interleave(2)
    for temperature in (0.1, 1.0):
        loss = contrastive_loss(vectors, pairs(index, 10), temperature)
        assert loss.item() == pytest.approx(nt_xent(vectors.tolist(), temperature))


def test_loss_of_the_last_vectors_alone_has_all_in_its_denominator():
    # Two anchors at right angles to each other and one kept vector that lies on the first, temperature 1:
    # -log(1 / (1 + e)) of the first and -log(1 / (1 + 1)) of the second.
    vectors = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    loss = contrastive_loss(vectors, pairs(torch.tensor([1, 0, 0]), 2), 1.0)
    assert loss.item() == pytest.approx((math.log(1 + math.e) + math.log(2)) / 2)


def test_a_kept_view_of_the_same_scan_is_a_positive():
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    loss = contrastive_loss(vectors, pairs(torch.zeros(3), 2), 1.0)
    first, second = [-math.log(share / (1 + math.e)) for share in (math.e, 1)], [-math.log(0.5)] * 2
    assert loss.item() == pytest.approx((sum(first) + sum(second)) / 4)


def test_temperature_of_nothing_is_refused():
    with pytest.raises(MethodError, match="temperature: 0 is not allowed; it must be above 0"):
        SimCLR(temperature=0)

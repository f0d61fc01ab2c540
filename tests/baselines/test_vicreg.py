"""VICReg's terms are the paper's, and kept batches change neither their gradient's size nor see a moving mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from baselines.vicreg import VICReg, covariance_term, variance_term
from benchmark.methods.errors import MethodError
from tests.baselines.test_two_views import trained


def by_loops(vectors):
    """Equations 1 to 4 of the paper: variance and covariance of vectors (scan, dimension)."""
    count, dimensions = vectors.shape
    mean = [sum(vectors[:, j]) / count for j in range(dimensions)]
    covariance = np.zeros((dimensions, dimensions))
    for row in vectors:
        for j in range(dimensions):
            for k in range(dimensions):
                covariance[j, k] += (row[j] - mean[j]) * (row[k] - mean[k]) / (count - 1)
    variance = sum(max(0, 1 - np.sqrt(covariance[j, j] + 1e-4)) for j in range(dimensions)) / dimensions
    others = sum(covariance[j, k] ** 2 for j in range(dimensions) for k in range(dimensions) if j != k)
    return variance, others / dimensions


def test_terms_are_those_of_the_formula():
    torch.manual_seed(0)
    # Standard deviations on both sides of 1, and dimensions that go together.
    vectors = torch.randn(9, 4, dtype=torch.float64) @ torch.randn(4, 4, dtype=torch.float64) * 0.6
    variance, covariance = by_loops(vectors.numpy())
    assert 0 < variance < 1
    assert variance_term(vectors).item() == pytest.approx(variance)
    assert covariance_term(vectors).item() == pytest.approx(covariance)


def test_terms_by_hand():
    # Two dimensions that are one: variances of 2, which is enough; a covariance of 2, squared, twice, over 2.
    vectors = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    assert variance_term(vectors).item() == 0
    assert covariance_term(vectors).item() == pytest.approx(4)
    assert variance_term(torch.zeros(3, 2)).item() == pytest.approx(1 - 0.01)


def test_negative_weights_are_refused():
    with pytest.raises(MethodError, match="variance_weight: -1 is not allowed; it must be at least 0"):
        VICReg(variance_weight=-1)


def test_kept_batches_leave_the_size_of_the_gradient():
    # A batch like all kept ones: its gradient is that of a batch as large as all of them, and that is the batch's own.
    sizes = []
    for kept in (0, 3):
        model, data, _ = trained(VICReg, 1, memory_batches=kept, invariance_weight=0, learning_rate=0.0)
        batch = data.batch(data.rows("train")[:8])
        model.log_losses = lambda *_, **__: None
        for _ in range(kept + 1):
            model.zero_grad()
            model.training_step(batch, 0).backward()
        sizes.append(model.encoder.head.weight.grad.norm().item())
    assert sizes[1] == pytest.approx(sizes[0], rel=0.2)

import math

import pytest
import torch

from benchmark.methods.objectives import confusion_loss, reverse_gradient


def test_confusion_is_least_for_uniform_predictions():
    assert confusion_loss(torch.zeros(3, 8)).item() == pytest.approx(math.log(8))
    assert confusion_loss(torch.tensor([[5.0, 0.0]])).item() > math.log(2)


def test_confusion_by_hand():
    # softmax of (ln 3, 0) is (3/4, 1/4); the mean of -ln is (0.2877 + 1.3863) / 2
    assert confusion_loss(torch.tensor([[math.log(3), 0.0]])).item() == pytest.approx(0.83698, abs=1e-4)


def test_reversal_leaves_the_value_and_turns_the_gradient():
    value = torch.tensor([1.0, -2.0], requires_grad=True)
    out = reverse_gradient(value, 0.25)
    assert torch.equal(out, value)
    out.sum().backward()
    assert value.grad.tolist() == [-0.25, -0.25]

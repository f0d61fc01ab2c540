"""Adversarial objectives: what the encoder wants of the domain classifier's output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def confusion_loss(logits: Tensor) -> Tensor:
    """Cross-entropy between the uniform distribution and the predicted one (Tzeng et al., ICCV 2015).

    Parameters
    ----------
    logits
        Shape (batch, site).

    Returns
    -------
    Tensor
        Scalar, at least log(site), reached when every prediction is uniform. Dinsdale et al. (NeuroImage
        2021) train the encoder with it in the stage that unlearns the scanner.
    """
    return -torch.log_softmax(logits, dim=1).mean()


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * gradients[0], None


def reverse_gradient(value: Tensor, weight: float) -> Tensor:
    """Identity whose gradient is multiplied by ``-weight`` (Ganin et al., JMLR 2016)."""
    reversed_: Tensor = _Reversal.apply(value, weight)  # type: ignore[no-untyped-call]
    return reversed_

"""Mean of a network's weights over the last part of its training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """Equally weighted mean of parameters and floating-point buffers over optimiser steps.

    Stochastic weight averaging (Izmailov et al., UAI 2018), over steps in place of epochs and beside a falling
    learning rate. An adversarial training circles its solution; the mean is less a matter of where it was stopped
    (Yazıcı et al., ICLR 2019). Only weights are kept, so DDP processes, whose weights agree, agree here too.

    ``WeightAveraging`` of Lightning 2.6 is wrong where no step was averaged, and where a killed run resumes after its
    last epoch; ``tests/benchmark/methods/test_averaging.py`` fails when that changes.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take the weights of this moment in."""
        self.count += 1
        for name, value in _weights(module).items():
            # A mean that was loaded from a checkpoint may lie on another device.
            mean = self._mean[name].to(value.device) if self.count > 1 else torch.zeros_like(value)
            self._mean[name] = mean.lerp_(value, 1 / self.count)

    @torch.no_grad()
    def apply(self, module: nn.Module) -> None:
        """Put the mean in the place of the weights and forget it; nothing happens where there is none."""
        for name, value in _weights(module).items():
            if self.count:
                value.copy_(self._mean[name])
        self.count, self._mean = 0, {}

    def state(self) -> dict[str, Any]:
        """Plain values and tensors for a checkpoint; empty where there is no mean."""
        return {"count": self.count, "mean": self._mean} if self.count else {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""
        self.count, self._mean = int(state.get("count", 0)), dict(state.get("mean", {}))


def _weights(module: nn.Module) -> dict[str, Tensor]:
    everything = [*module.named_parameters(), *module.named_buffers()]
    return {name: value for name, value in everything if value.is_floating_point()}

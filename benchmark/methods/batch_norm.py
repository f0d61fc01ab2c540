"""Batch normalisation by the statistics of all processes' batches together."""

from __future__ import annotations

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn import functional as collective


class GlobalBatchNorm3d(nn.BatchNorm3d):
    """Batch normalisation under which several processes train as one does with their batches joined.

    In one process it is :class:`torch.nn.BatchNorm3d`. :class:`torch.nn.SyncBatchNorm`, which does the same on
    GPUs, has no CPU version, and a network of that class cannot be trained in one CPU process either.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Features (batch, channel, x, y, z), normalised by channel; batches have the same size in every process."""
        if not (self.training and distributed.is_available() and distributed.is_initialized()):
            return super().forward(input)
        ranks = distributed.get_world_size()
        if ranks == 1:
            return super().forward(input)
        axes = [0, 2, 3, 4]
        # Sums of half-precision values would lose most of them.
        values = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        count = ranks * values.numel() // values.shape[1]
        mean = _summed(values.sum(axes)) / count
        centred = values - mean[:, None, None, None]
        variance = _summed(centred.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * count / max(count - 1, 1))
        normed = centred * torch.rsqrt(variance + self.eps)[:, None, None, None]
        scaled: Tensor = normed * self.weight[:, None, None, None] + self.bias[:, None, None, None]
        return scaled.to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean.to(self.running_mean), momentum)
            self.running_var.lerp_(variance.to(self.running_var), momentum)


def _summed(value: Tensor) -> Tensor:
    """Sum over the processes, through which gradients flow."""
    total: Tensor = collective.all_reduce(value)  # type: ignore[no-untyped-call]
    return total

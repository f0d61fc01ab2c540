"""How a training is computed: what saves memory or time, and is no part of a method."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.methods.errors import MethodError


@dataclass(frozen=True)
class Compute:
    """Trade-offs between memory, time and rounding.

    Attributes
    ----------
    accumulate
        Batches whose gradients make one step. Methods without a loss over the batch train as with a batch as many times
        as large; SE-ADA's adversary and penalties see the other batches of a step through its memory, without gradient.
    checkpoint_activations
        Compute the activations of encoder and decoder again in the backward pass (Chen et al., arXiv 1604.06174).
    compile
        Compile encoder and decoder with :func:`torch.compile`.
    channels_last
        Keep the weights of convolutions with the channels last in memory, which some GPUs are faster with.

    Raises
    ------
    MethodError
        If ``accumulate`` is below 1.
    """

    accumulate: int = 1
    checkpoint_activations: bool = False
    compile: bool = False
    channels_last: bool = False

    def __post_init__(self) -> None:
        if self.accumulate < 1:
            raise MethodError(f"compute.accumulate: {self.accumulate} is not allowed; it must be at least 1")

    def prepare(self, *networks: torch.nn.Module) -> None:
        """Apply what applies to networks as they are."""
        for network in networks:
            if self.channels_last:
                network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
            if self.compile:
                network.compile()


def at_least_single(value: Tensor) -> Tensor:
    """The same in single precision where it is in half: sums and matrix decompositions need the digits."""
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value

"""Rows of the last few batches, for losses that want more scans than a batch has."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Memory(nn.Module):
    """What the last few batches had, without gradient.

    The encoder moves little within a few batches, so that their vectors stand in for a larger batch: a cross-batch
    memory (Wang et al., CVPR 2020), the queue of MoCo (He et al., CVPR 2020) without its second, slower encoder.

    Parameters
    ----------
    batches
        How many past batches are kept; 0 keeps none.
    """

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches = batches
        # Not buffers: their length varies, and DDP would hold on to the first tensors and broadcast those.
        self.kept: list[tuple[Tensor, ...]] = []

    def extend(self, *columns: Tensor) -> tuple[Tensor, ...]:
        """Put a batch behind the kept ones, then keep it, detached.

        Parameters
        ----------
        *columns
            Shape (batch, ...) each, of the same scans.

        Returns
        -------
        tuple of Tensor
            Each of them with the kept rows before, shape (kept + batch, ...); only the new ones carry a gradient.
        """
        batches = [*self.kept, columns]
        joined = tuple(
            torch.cat([old.to(new) for old in each[:-1]] + [new])
            for new, each in zip(columns, zip(*batches, strict=True), strict=True)
        )
        self.kept = [
            tuple(column.detach() for column in batch) for batch in batches[max(len(batches) - self.batches, 0) :]
        ]
        return joined

    def get_extra_state(self) -> list[list[Tensor]]:
        """What is kept, so that a resumed run continues as it was."""
        return [list(batch) for batch in self.kept]

    def set_extra_state(self, state: list[list[Tensor]]) -> None:
        """Inverse of :meth:`get_extra_state`."""
        self.kept = [tuple(batch) for batch in state]

"""Floor of every table: vectors that know nothing of the scan."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.closed_form import ClosedForm
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.representation import Batch


class RandomVectors(ClosedForm):
    """Independent standard normal vectors, one a scan.

    Parameters
    ----------
    ldr_dim
        Length of the vectors.
    seed
        Of the draws; a scan's vector depends on it and on the scan's row alone. None takes the seed that the run
        was started with (``seed_everything``).
    """

    drawn_with: Tensor

    def __init__(self, ldr_dim: int = 32, seed: int | None = None) -> None:
        super().__init__()
        self.ldr_dim = ldr_dim
        self.seed = seed

    def build(self, spec: DataSpec) -> None:
        """Keep the seed in the checkpoint, so that a model that is loaded later draws the same vectors again."""
        seed = torch.initial_seed() % 2**31 if self.seed is None else self.seed
        self.register_buffer("drawn_with", torch.tensor(seed))

    def embed(self, batch: Batch) -> Tensor:
        """Shape (batch, ldr_dim)."""
        return torch.stack([self._draw(int(row)) for row in batch["index"]]).to(batch["volume"])

    def _draw(self, row: int) -> Tensor:
        generator = torch.Generator().manual_seed(int(self.drawn_with) * 1_000_003 + row)
        return torch.randn(self.ldr_dim, generator=generator)

"""Ceiling on the phantom: the parameters the anatomy was drawn from."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from baselines.closed_form import ClosedForm
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import Batch


class TrueAnatomy(ClosedForm):
    """The phantom's true biological parameters, standardised on the training scans.

    No acquisition parameter is among them: what a probe still reads of the site is what the sites' age and
    disease mix gives away.
    """

    mean: Tensor
    scale: Tensor

    def build(self, spec: DataSpec) -> None:
        """Create the standardisation, still empty."""
        self.register_buffer("mean", torch.zeros(0))
        self.register_buffer("scale", torch.zeros(0))

    def fit_after_training(self, batches: Iterable[Batch], unseen: Iterable[Batch]) -> None:
        """Take mean and standard deviation of every parameter over the training scans."""
        values = torch.cat([self._anatomy(batch) for batch in batches])
        self.mean, self.scale = values.mean(dim=0), values.std(dim=0).clamp_min(1e-6)

    def embed(self, batch: Batch) -> Tensor:
        """Shape (batch, parameter)."""
        return (self._anatomy(batch) - self.mean) / self.scale

    def _anatomy(self, batch: Batch) -> Tensor:
        if "anatomy" not in batch:
            raise MethodError(
                "TrueAnatomy needs data.truth, the truth.csv of a phantom; for real data there is no such ceiling"
            )
        return batch["anatomy"]

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        self.mean = torch.zeros_like(state_dict[f"{prefix}mean"])
        self.scale = torch.zeros_like(state_dict[f"{prefix}scale"])
        super()._load_from_state_dict(state_dict, prefix, *args)

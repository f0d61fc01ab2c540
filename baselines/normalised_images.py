"""Another method on volumes whose intensities are normalised first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from baselines.around_base import AroundBase
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import Batch, RepresentationModule


class Normaliser(nn.Module, ABC):
    """An increasing map of the intensities of each volume by itself; what it knows of training scans are buffers."""

    def __init__(self) -> None:
        super().__init__()

    def fit(self, volumes: Iterable[tuple[Tensor, list[str]]]) -> None:
        """Look at the training scans, batches of volumes (batch, 1, x, y, z) with their sites' names."""

    @abstractmethod
    def forward(self, volume: Tensor) -> Tensor:
        """Volumes (batch, 1, x, y, z), 0 outside of the mask, with other intensities within it."""


class NormalisedImages(AroundBase):
    """Normalise intensities, bring all volumes to mean 0 and SD 1 over the training scans together, then the base.

    Volumes come from the store, each with mean 0 and SD 1 within its mask; that is an affine map, which the
    normalisers of images undo. The base knows nothing of it. There is no reconstruction, as it would be one of other
    images than those of the other methods.

    Parameters
    ----------
    base
        Method that sees the normalised volumes. Building blocks that look at training volumes by themselves are not
        allowed in it.
    normaliser
        What is done to intensities.

    Raises
    ------
    MethodError
        For a base with such blocks.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, base: RepresentationModule, normaliser: Normaliser) -> None:
        super().__init__(base)
        self.normaliser = normaliser
        self.register_buffer("centre", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))
        blocks = getattr(base, "blocks", None)
        if blocks is not None and (blocks.components or blocks.view_weight):
            raise MethodError("blocks: components and view_weight are not allowed in the base of NormalisedImages")

    def build(self, spec: DataSpec) -> None:
        """Build the base."""
        super().build(spec)
        self._sites = [*spec.sites, ""]

    def on_fit_start(self) -> None:
        """Lightning hook: fit the normaliser and one scale for all volumes on the training scans."""
        loader: Any = self.trainer.datamodule.split_dataloader  # type: ignore[attr-defined]
        self.normaliser.fit(
            (batch["volume"].to(self.device), [self._sites[int(code)] for code in batch["site"]])
            for batch in loader("train")
        )
        count, total, squares = (torch.zeros((), dtype=torch.float64) for _ in range(3))
        for batch in loader("train"):
            values = self.normaliser(batch["volume"].to(self.device))[batch["volume"] != 0].double().cpu()
            count, total, squares = count + len(values), total + values.sum(), squares + values.square().sum()
        mean = total / count
        self.centre.copy_(mean)
        self.spread.copy_((squares / count - mean.square()).sqrt())
        super().on_fit_start()

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        """Training step of the base on normalised volumes."""
        return super().training_step(self._normalised(batch), batch_idx)

    def fit_after_training(self, batches: Iterable[Batch], unseen: Iterable[Batch]) -> None:
        """That of the base on normalised volumes."""
        self.base.fit_after_training(_Mapped(batches, self._normalised), _Mapped(unseen, self._normalised))

    def embed(self, batch: Batch) -> Tensor:
        """LDR of the base, shape (batch, dimension)."""
        return self.base.embed(self._normalised(batch))

    def embed_in_training(self, batch: Batch) -> Tensor:
        """LDR of the base while it trains, shape (batch, dimension)."""
        return self.base.embed_in_training(self._normalised(batch))

    def _normalised(self, batch: Batch) -> Batch:
        volume = batch["volume"]
        normalised = (self.normaliser(volume) - self.centre) / self.spread * (volume != 0)
        return {**batch, "volume": normalised.to(volume)}


class _Mapped:
    """Batches through a function, any number of times."""

    def __init__(self, batches: Iterable[Batch], change: Any) -> None:
        self.batches, self.change = batches, change

    def __iter__(self) -> Iterator[Batch]:
        return map(self.change, self.batches)

"""Looking at a method while it trains, without a trace in what it becomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.utilities.seed import isolate_rng

from benchmark.data.sampling import EVALUATION


@contextmanager
def undisturbed(module: LightningModule) -> Iterator[None]:
    """Evaluation mode without gradients; every submodule's mode and all random generators are then as they were."""
    modes = [(part, part.training) for part in module.modules()]
    with isolate_rng(), torch.no_grad():
        module.eval()
        try:
            yield
        finally:
            for part, training in modes:
                part.training = training


def batches_of(trainer: Trainer, rows: Sequence[int], size: int) -> Iterator[Any]:
    """Batches of these rows of the scans table, unaugmented, on the trainer's device and in its precision.

    Straight from the dataset: the iterator of a loader draws from the global generator.
    """
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    dataset = data.split_dataloader("train").dataset
    for start in range(0, len(rows), size):
        batch = trainer.strategy.batch_to_device(dataset[EVALUATION, list(rows[start : start + size])])
        yield trainer.precision_plugin.convert_input(batch)


def forward(trainer: Trainer) -> Any:
    """Context in which networks compute in the trainer's precision."""
    return trainer.precision_plugin.forward_context()

"""Embeddings of all scans, gathered from the processes that made them and written once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning import LightningModule, Trainer
from numpy.typing import NDArray

from benchmark.data.datamodule import SiteDataModule
from benchmark.embeddings.table import write_embeddings
from benchmark.methods.image_quality import QUALITIES


def save_embeddings(
    trainer: Trainer, model: LightningModule, data: SiteDataModule, predictions: Any, path: Path
) -> None:
    """Gather the ranks' predictions by scan and write them once.

    Raises
    ------
    RuntimeError
        If the scans that were embedded are not exactly the scans of the manifests.
    """
    mine = _joined(predictions or [])
    shards = [mine]
    if trainer.world_size > 1:
        gathered: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(gathered, mine)
        shards = gathered
    if not trainer.is_global_zero:
        return
    shards = [shard for shard in shards if shard]
    order = np.concatenate([shard["index"] for shard in shards] or [np.zeros(0, np.int64)])
    if not np.array_equal(np.sort(order), np.arange(len(data.scans))):
        raise RuntimeError(f"{len(order)} embeddings for {len(data.scans)} scans: every scan is due exactly once")
    by_row = np.argsort(order)
    arrays = {
        name: np.concatenate([shard[name] for shard in shards])[by_row].astype(np.float32)
        for name in shards[0]
        if name != "index"
    }
    columns = ["subject_id", "session_id", "site", "diagnosis", "age", "sex", "split"]
    extra = [column for column in ("travelling",) if column in data.scans]
    table = pd.concat([data.scans[columns + extra], *_columns(arrays, data)], axis=1)
    write_embeddings(table, path, model.notes())  # type: ignore[operator]


def _joined(predictions: list[Any]) -> dict[str, NDArray[Any]]:
    names = predictions[0] if predictions else []
    return {name: np.concatenate([batch[name].numpy() for batch in predictions]) for name in names}


def _columns(arrays: dict[str, NDArray[np.float32]], data: SiteDataModule) -> list[pd.DataFrame]:
    """Tables of what else is known of every scan, in the order of the scans: the LDR comes last."""
    index = data.scans.index
    tables = []
    anatomy = data.true_anatomy()
    if anatomy is not None:
        tables.append(anatomy)
    if "quality" in arrays:
        tables.append(pd.DataFrame(arrays["quality"], index, columns=list(QUALITIES)))
    if data.outline is not None:
        arrays = {**arrays, "mask": data.outline.components}
    for name, letter in (("mask", "m"), ("common", "c"), ("style", "s"), ("ldr", "z")):
        if name in arrays:
            names = [f"{letter}{i}" for i in range(arrays[name].shape[1])]
            tables.append(pd.DataFrame(arrays[name], index, columns=names))
    return tables

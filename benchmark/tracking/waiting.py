"""How much of a training's time goes by waiting for data."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer

from benchmark.data.atomic import atomic_path

#: In the folder of the run's logs.
TIMING = Path("logs") / "timing.csv"


class WaitingForData(Callback):
    """Write, for every epoch, its seconds and those between the end of a step and the next batch.

    On the first process, to ``logs/timing.csv``: a file of its own, as times are no results, and equal trainings have
    equal logs. On a GPU, steps that are still being computed hide the waiting, and what is written is an upper bound.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[int, float, float]] = []
        self._began = self._idle_since = self._waited = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: the first batch is about to be fetched."""
        self._began = self._idle_since = time.perf_counter()
        self._waited = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Lightning hook: a batch is there."""
        self._waited += time.perf_counter() - self._idle_since

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """Lightning hook: the next batch is about to be fetched."""
        self._idle_since = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: one row more."""
        # Of the last batch, the time until its epoch's end is that of other callbacks.
        self.rows.append((trainer.current_epoch, self._idle_since - self._began, self._waited))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: the file is written."""
        if self.rows and trainer.is_global_zero:
            path = Path(trainer.default_root_dir) / TIMING
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(["epoch", "seconds", "waiting_seconds"])
                writer.writerows((epoch, f"{whole:.6f}", f"{waited:.6f}") for epoch, whole, waited in self.rows)


def waiting_share(folder: Path) -> float | None:
    """Share of the epochs' time in a run's folder that went by waiting for data; None where nothing was trained."""
    try:
        with (folder / TIMING).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        whole = sum(float(row["seconds"]) for row in rows)
        return round(sum(float(row["waiting_seconds"]) for row in rows) / whole, 4) if whole else None
    except (OSError, KeyError, ValueError, TypeError):
        return None

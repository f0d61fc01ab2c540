"""How much of a training's time goes by waiting for data."""

from __future__ import annotations

import csv
import time
from pathlib import Path

from lightning import Callback, LightningModule, Trainer

from benchmark.data.atomic import atomic_path
from benchmark.data.counting_loader import CountingLoader

#: In the folder of the run's logs.
TIMING = Path("logs") / "timing.csv"


class WaitingForData(Callback):
    """Write, for every epoch, its seconds and those that its batches were waited for.

    On the first process, to ``logs/timing.csv``: a file of its own, as times are no results, and equal trainings have
    equal logs. Nothing is written where the loader is no :class:`benchmark.data.counting_loader.CountingLoader`.
    On a GPU, steps that are still being computed hide the waiting, and what is written is an upper bound.
    """

    def __init__(self) -> None:
        self.rows: list[tuple[int, float, float]] = []
        self._began = self._waited = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: an epoch that is gone on with in its middle does not start again."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: the loader was made, and its first batch is about to be fetched."""
        self._began = time.perf_counter()
        self._waited = _waited(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: one row more."""
        row = (trainer.current_epoch, time.perf_counter() - self._began, _waited(trainer) - self._waited)
        if isinstance(trainer.train_dataloader, CountingLoader):
            self.rows.append(row)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: the file is written."""
        if self.rows and trainer.is_global_zero:
            path = Path(trainer.default_root_dir) / TIMING
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(["epoch", "seconds", "waiting_seconds"])
                writer.writerows((epoch, f"{whole:.6f}", f"{waited:.6f}") for epoch, whole, waited in self.rows)


def _waited(trainer: Trainer) -> float:
    loader = trainer.train_dataloader
    return loader.waited if isinstance(loader, CountingLoader) else 0.0


def waiting_share(folder: Path) -> float | None:
    """Share of the epochs' time in a run's folder that went by waiting for data; None where nothing was trained."""
    try:
        with (folder / TIMING).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        whole = sum(float(row["seconds"]) for row in rows)
        return round(sum(float(row["waiting_seconds"]) for row in rows) / whole, 4) if whole else None
    except (OSError, KeyError, ValueError, TypeError):
        return None

"""How far a run is: a small file in its folder, which its worker writes and the sweep reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from lightning import Callback, LightningModule, Trainer

from benchmark.data.atomic import atomic_path

PROGRESS = "progress.json"

#: Share of a run's time that its epochs are taken to be, for the bar alone.
SHARE_OF_EPOCHS = 0.8

Stage = Literal["starting", "training", "embedding", "scoring"]


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    stage
        What its worker does.
    epoch, epochs
        Epochs that are done, and that there will be; 0 and 0 where the method has none.
    """

    stage: Stage = "starting"
    epoch: int = 0
    epochs: int = 0

    @property
    def fraction(self) -> float:
        """Share of the run's time that is over, roughly, in [0, 1)."""
        if self.stage in ("embedding", "scoring"):
            return SHARE_OF_EPOCHS
        return SHARE_OF_EPOCHS * self.epoch / self.epochs if self.epochs else 0.0

    def __str__(self) -> str:
        return f"epoch {self.epoch}/{self.epochs}" if self.stage == "training" else self.stage


def write_progress(folder: Path, progress: Progress) -> None:
    """Say in a run's folder how far it is."""
    with atomic_path(folder / PROGRESS) as temporary:
        temporary.write_text(json.dumps(asdict(progress)), encoding="utf-8")


def read_progress(folder: Path) -> Progress:
    """How far a run is, as far as its folder says: a file that is missing or strange is no reason to stop a sweep."""
    try:
        found = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        return Progress(found["stage"], int(found["epoch"]), int(found["epochs"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Progress()


def forget_progress(folder: Path) -> None:
    """Remove the file, which is of use only while its run is in progress."""
    (folder / PROGRESS).unlink(missing_ok=True)


class EpochFile(Callback):
    """Write the epoch into ``trainer.default_root_dir``, for whoever watches from another process."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: before the first epoch, or the one that a resumed training goes on with."""
        self._write(trainer, "training", trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: one epoch more."""
        self._write(trainer, "training", trainer.current_epoch + 1)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: the epochs are over."""
        self._write(trainer, "embedding", trainer.current_epoch)

    def _write(self, trainer: Trainer, stage: Stage, epoch: int) -> None:
        if trainer.is_global_zero:
            write_progress(Path(trainer.default_root_dir), Progress(stage, epoch, max(trainer.max_epochs or 0, 0)))

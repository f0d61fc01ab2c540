"""What a training does when SLURM announces the end of its job."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import submitit
from lightning import Callback, LightningModule, Trainer

from benchmark.train.run_folder import CHECKPOINTS, LAST

#: Seconds that a step may take to its end, of the 90 that SLURM gives before a time limit.
PATIENCE = 60

_Handler = Callable[[int, FrameType | None], Any] | int | None


class SaveWhenTold(Callback):
    """Leave a checkpoint at the end of the step at which a signal comes, and act on the signal then.

    SIGTERM announces a preemption or a cancellation. The training goes on, and SLURM ends the job itself: Lightning
    would stop with an error, and a job that ends with an error while it is being preempted counts as failed and is not
    put back into the queue. The signal of the time limit is submitit's, which puts the job back into the queue and
    ends it; a step that takes longer than :data:`PATIENCE` seconds is not waited for.

    All processes of a run save after the same step, whichever of them the signal reached first. Outside SLURM, and
    outside of training, this callback does nothing.
    """

    def __init__(self) -> None:
        self._submitit: _Handler = None
        self._told = self._leave = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook, after Lightning has set its handlers; it restores the earlier ones at the end."""
        if "SLURM_JOB_ID" in os.environ:
            self._submitit = signal.getsignal(_time_limit())
            for number in (signal.SIGTERM, _time_limit()):
                signal.signal(number, self._tell)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Lightning hook: between two steps, model and optimisers are whole. An epoch's last step is its end."""
        method: Any = pl_module
        done = batch_idx + 1
        if done % method.compute.accumulate == 0 and done < trainer.num_training_batches:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook."""
        self._save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: what follows can be done again."""
        if "SLURM_JOB_ID" in os.environ:
            signal.signal(signal.SIGTERM, lambda number, frame: None)
            signal.signal(_time_limit(), self._submitit)
            if self._leave:
                self._go()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: nothing is kept of the embedding of scans, and SIGTERM is for SLURM as before."""
        if "SLURM_JOB_ID" in os.environ:
            signal.signal(signal.SIGTERM, lambda number, frame: None)

    def _tell(self, number: int, frame: FrameType | None) -> None:
        self._told = True
        if number == _time_limit() and not self._leave:
            self._leave = True
            signal.signal(signal.SIGALRM, lambda *_: self._go())
            signal.alarm(PATIENCE)

    def _save(self, trainer: Trainer) -> None:
        if "SLURM_JOB_ID" not in os.environ:
            return
        if trainer.strategy.reduce_boolean_decision(self._told, all=False):
            self._told = False
            trainer.save_checkpoint(Path(trainer.default_root_dir) / CHECKPOINTS / LAST)
        if self._leave:
            self._go()

    def _go(self) -> None:
        self._leave = False
        signal.alarm(0)
        if callable(self._submitit):
            self._submitit(_time_limit(), None)


def _time_limit() -> signal.Signals:
    return getattr(signal, f"SIG{submitit.JobEnvironment.USR_SIG}")  # type: ignore[no-any-return]

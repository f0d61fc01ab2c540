"""When the steps of a training begin, by a clock that others' work on the machine does not move."""

from __future__ import annotations

import itertools
import time
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

#: Seconds after which a calibration begins no further step.
STEP_BUDGET = 1.5


def clock() -> float:
    """Seconds of CPU time where that is all that a step takes, of wall time with several threads or a GPU.

    What others do on the machine just now is no property of the sweep; how much it is, :attr:`MethodCost.busy` says.
    """
    alone = torch.get_num_threads() == 1 and not torch.cuda.is_available()
    return time.process_time() if alone else time.perf_counter()


class Steps(Callback):
    """Times at which the steps of each epoch begin."""

    def __init__(self) -> None:
        self.begun: list[list[float]] = []
        self.first = 0.0
        self.embedding: list[float] = []
        self.wall: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: an epoch more."""
        self.begun.append([])

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Lightning hook: a step more; the last one where the budget is spent."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.first = self.first or now
        self.begun[-1].append(clock())
        self.wall.append(now)
        if now - self.first > STEP_BUDGET:
            trainer.should_stop = True

    def on_predict_batch_start(self, *_: Any, **__: Any) -> None:
        """Lightning hook: a batch is about to be embedded."""
        self.embedding.append(-clock())

    def on_predict_batch_end(self, *_: Any, **__: Any) -> None:
        """Lightning hook: it is embedded."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.embedding[-1] += clock()

    @property
    def step(self) -> float:
        """Seconds from one step's beginning to the next one's, without the first epoch's first; the lower quartile.

        What others do on the machine makes single steps late.
        """
        gaps = [b - a for number, epoch in enumerate(self.begun) for a, b in _pairs(epoch[number == 0 :])]
        gaps = gaps or [b - a for epoch in self.begun for a, b in _pairs(epoch)]
        return sorted(gaps)[len(gaps) // 4] if gaps else 0.0

    @property
    def busy(self) -> float:
        """Wall time over the clock's time of all but the first step."""
        times = [time for epoch in self.begun for time in epoch][1:]
        return max((self.wall[-1] - self.wall[1]) / max(times[-1] - times[0], 1e-9), 1.0) if len(times) > 1 else 1.0

    @property
    def between_epochs(self) -> float:
        """Seconds from the last step of an epoch to the first of the next, beside that step."""
        gaps = [b[0] - a[-1] - self.step for a, b in _pairs([epoch for epoch in self.begun if epoch])]
        return max(min(gaps), 0.0) if gaps else 0.0


def _pairs(values: list[Any]) -> list[tuple[Any, Any]]:
    return list(itertools.pairwise(values))

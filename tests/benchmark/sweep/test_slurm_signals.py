import os
import signal
import time

import pandas as pd
import pytest

from benchmark.sweep import slurm_signals
from benchmark.sweep.slurm_signals import SaveWhenTold
from benchmark.train.run_folder import CHECKPOINTS, LAST

pytestmark = pytest.mark.slow

SAVE = "--trainer.callbacks+=benchmark.sweep.slurm_signals.SaveWhenTold"

#: Of the eight of an epoch: its checkpoint is that of the epoch.
LAST_BATCH = 7

#: A callback that sends this process a signal in the middle of a step.
SIGNALLING = """
import os

from lightning import Callback


class Signalling(Callback):
    def __init__(self, number: int, epoch: int, batch: int) -> None:
        self.number, self.epoch, self.batch = number, epoch, batch

    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        if trainer.current_epoch == self.epoch and trainer.fit_loop.epoch_loop.batch_idx >= self.batch:
            self.epoch = -1
            os.kill(os.getpid(), self.number)
"""


class PutBack(Exception):
    """What submitit's handler ends a job with, here."""


@pytest.fixture(autouse=True)
def _handlers(monkeypatch):
    """A job of SLURM, as far as this process can tell."""
    numbers = (signal.SIGTERM, signal.SIGUSR2, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}

    def put_back(*_):
        raise PutBack

    signal.signal(signal.SIGUSR2, put_back)
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    yield
    signal.alarm(0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def signalled(tmp_path, monkeypatch):
    """Option of `fit` for a signal at a batch of an epoch."""
    (tmp_path / "signalling.py").write_text(SIGNALLING)
    monkeypatch.syspath_prepend(tmp_path)

    def of(number, epoch, batch):
        place = {"number": int(number), "epoch": epoch, "batch": batch}
        return f'--trainer.callbacks+={{"class_path": "signalling.Signalling", "init_args": {place}}}'.replace("'", '"')

    return of


def embeddings(folder):
    return pd.read_parquet(folder / "embeddings.parquet")


@pytest.mark.parametrize(
    ("method", "batch", "more"),
    [
        ("seada_balanced", 2, []),
        ("seada", 2, []),
        ("seada", 1, ["--compute.accumulate=3"]),
        ("dann", 3, ["--data.num_workers=2"]),
        ("autoencoder", 1, ["--compute.accumulate=2"]),
        ("autoencoder", LAST_BATCH, []),
    ],
)
def test_out_of_time_in_an_epoch_a_training_goes_on_from_that_step(fit, signalled, tmp_path, method, batch, more):
    more = ["--trainer.max_epochs=3", "--data.batch_size=8", *more]
    whole = fit(method, *more, folder="whole")
    with pytest.raises(PutBack):
        fit(method, *more, SAVE, signalled(signal.SIGUSR2, 0, batch), folder="cut")
    cut = tmp_path / "cut"
    # No epoch had ended, so without the signal there would be none.
    assert (cut / CHECKPOINTS / LAST).is_file()
    assert not (cut / "embeddings.parquet").exists()
    fit(method, *more, folder="cut")
    pd.testing.assert_frame_equal(embeddings(whole), embeddings(cut), check_exact=True)
    timing = pd.read_csv(cut / "logs" / "timing.csv")
    assert timing["epoch"].tolist() == ([1, 2] if batch == LAST_BATCH else [0, 1, 2])
    assert timing["seconds"].max() < 600


def test_told_of_a_preemption_a_training_saves_and_goes_on(fit, signalled):
    whole = fit("seada_balanced", folder="whole")
    told = fit("seada_balanced", SAVE, signalled(signal.SIGTERM, 0, 2), folder="told")
    assert (told / CHECKPOINTS / LAST).is_file()
    assert not (whole / CHECKPOINTS / LAST).is_file()
    pd.testing.assert_frame_equal(embeddings(whole), embeddings(told), check_exact=True)


class Trainer:
    """As much of a trainer as the callback looks at, of a training whose step does not end."""

    num_training_batches = 5


def test_a_step_that_takes_too_long_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(slurm_signals, "PATIENCE", 1)
    SaveWhenTold().on_train_start(Trainer(), None)
    os.kill(os.getpid(), signal.SIGUSR2)
    with pytest.raises(PutBack):
        time.sleep(10)


@pytest.mark.parametrize("hook", ["on_train_start", "on_predict_start"])
def test_outside_slurm_signals_are_left_alone(monkeypatch, hook):
    monkeypatch.delenv("SLURM_JOB_ID")
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    getattr(SaveWhenTold(), hook)(Trainer(), None)
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopped == [1]
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    getattr(SaveWhenTold(), hook)(Trainer(), None)
    os.kill(os.getpid(), signal.SIGTERM)
    assert stopped == [1]

from types import SimpleNamespace

import pytest

from benchmark.data import counting_loader
from benchmark.data.counting_loader import CountingLoader
from benchmark.train.tracking import waiting
from benchmark.train.tracking.waiting import TIMING, WaitingForData, waiting_share


@pytest.fixture
def clock(monkeypatch):
    """A clock that only passes when it is told to."""
    clock = SimpleNamespace(now=100.0)
    for module in (counting_loader, waiting):
        monkeypatch.setattr(module.time, "perf_counter", lambda: clock.now)
    return clock


class Slow(list):
    """Items, each with the seconds that it takes to be read."""

    def __init__(self, clock, seconds):
        super().__init__(seconds)
        self.clock = clock

    def __getitem__(self, index):
        self.clock.now += super().__getitem__(index)
        return {"index": index}


@pytest.fixture
def trainer(tmp_path, clock):
    loader = CountingLoader(Slow(clock, [1, 2, 0.5]), batch_size=None)
    return SimpleNamespace(
        current_epoch=0, is_global_zero=True, default_root_dir=str(tmp_path), train_dataloader=loader, clock=clock
    )


def epoch(callback, trainer, step):
    """An epoch whose steps take so many seconds each."""
    callback.on_train_epoch_start(trainer, None)
    for _ in trainer.train_dataloader:
        trainer.clock.now += step
    callback.on_train_epoch_end(trainer, None)
    trainer.clock.now += 1000


def test_a_loader_counts_what_its_batches_take_and_not_what_is_done_with_them(trainer, clock):
    batches = []
    for batch in trainer.train_dataloader:
        batches.append(batch["index"])
        clock.now += 10
    assert batches == [0, 1, 2]
    assert trainer.train_dataloader.waited == 3.5
    next(iter(trainer.train_dataloader))
    assert trainer.train_dataloader.waited == 4.5


def test_each_epoch_has_its_time_and_what_of_it_was_waited_for(trainer, tmp_path):
    callback = WaitingForData()
    epoch(callback, trainer, 10)
    trainer.current_epoch = 1
    epoch(callback, trainer, 2)
    callback.on_train_end(trainer, None)
    assert (tmp_path / TIMING).read_text() == (
        "epoch,seconds,waiting_seconds\n0,33.500000,3.500000\n1,9.500000,3.500000\n"
    )
    assert waiting_share(tmp_path) == pytest.approx(7 / 43, abs=1e-4)


def test_of_a_loader_that_does_not_count_nothing_is_said(trainer, tmp_path):
    trainer.train_dataloader = [1, 2]
    callback = WaitingForData()
    epoch(callback, trainer, 1)
    callback.on_train_end(trainer, None)
    assert waiting_share(tmp_path) is None


def test_other_processes_write_nothing(trainer, tmp_path):
    callback = WaitingForData()
    epoch(callback, trainer, 1)
    trainer.is_global_zero = False
    callback.on_train_end(trainer, None)
    assert waiting_share(tmp_path) is None


@pytest.mark.parametrize("content", ["", "epoch,seconds\n", "epoch,seconds,waiting_seconds\n0,x,y\n"])
def test_a_file_that_is_torn_says_nothing(tmp_path, content):
    (tmp_path / "logs").mkdir()
    (tmp_path / TIMING).write_text(content)
    assert waiting_share(tmp_path) is None

from types import SimpleNamespace

import pytest

from benchmark.tracking import waiting
from benchmark.tracking.waiting import TIMING, WaitingForData, waiting_share


@pytest.fixture
def trainer(tmp_path):
    return SimpleNamespace(current_epoch=0, is_global_zero=True, default_root_dir=str(tmp_path))


def epoch(callback, trainer, monkeypatch, times):
    """Hooks of an epoch of two steps at given times."""
    clock = iter(times)
    monkeypatch.setattr(waiting.time, "perf_counter", lambda: next(clock))
    callback.on_train_epoch_start(trainer, None)
    for number in range(2):
        callback.on_train_batch_start(trainer, None, None, number)
        callback.on_train_batch_end()
    callback.on_train_epoch_end(trainer, None)


def test_the_time_between_a_step_and_the_next_batch(trainer, monkeypatch, tmp_path):
    callback = WaitingForData()
    # The first batch takes 1 s and its step 4, the second one 2 s and 3.
    epoch(callback, trainer, monkeypatch, [0, 1, 5, 7, 10])
    trainer.current_epoch = 1
    # Half a second and 4.5, then none and 5.
    epoch(callback, trainer, monkeypatch, [20, 20.5, 25, 25, 30])
    callback.on_train_end(trainer, None)
    assert (tmp_path / TIMING).read_text() == (
        "epoch,seconds,waiting_seconds\n0,10.000000,3.000000\n1,10.000000,0.500000\n"
    )
    assert waiting_share(tmp_path) == pytest.approx(3.5 / 20)


def test_other_processes_write_nothing(trainer, monkeypatch, tmp_path):
    callback = WaitingForData()
    epoch(callback, trainer, monkeypatch, [0, 1, 5, 7, 10])
    trainer.is_global_zero = False
    callback.on_train_end(trainer, None)
    assert waiting_share(tmp_path) is None


@pytest.mark.parametrize("content", ["", "epoch,seconds\n", "epoch,seconds,waiting_seconds\n0,x,y\n"])
def test_a_file_that_is_torn_says_nothing(tmp_path, content):
    (tmp_path / "logs").mkdir()
    (tmp_path / TIMING).write_text(content)
    assert waiting_share(tmp_path) is None

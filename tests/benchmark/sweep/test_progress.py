import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.sweep.display import Display, duration, log_line
from benchmark.sweep.progress import PROGRESS, Progress, forget_progress, read_progress, write_progress
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def runs(tmp_path):
    made = []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        made.append(SimpleNamespace(name=f"m{number}, pooled, seed 1", folder=folder))
    return made


def shown(stream, runs, pause=0.0):
    display = Display([10.0, 20.0, 30.0], 2, stream)
    display.start()
    display.begin(runs[0], 10.0)
    display.begin(runs[1], 20.0)
    write_progress(runs[1].folder, Progress("training", 3, 8))
    time.sleep(pause)
    display.end(runs[0], None)
    display.say("m0 is finished")
    display.begin(runs[2], 30.0)
    display.end(runs[1], "MethodError: no")
    display.close()
    return stream.getvalue()


def test_a_log_gets_plain_dated_lines(runs):
    text = shown(io.StringIO(), runs)
    lines = text.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line) for line in lines)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert lines[0][20:] == "1/3 runs done, about 17 s left; running: m1 pooled seed 1 epoch 3/8"
    assert lines[1][20:] == "m0 is finished"
    assert lines[2][20:] == "failed: m1, pooled, seed 1: MethodError: no"
    assert lines[3][20:] == "2/3 runs done (1 failed), about 10 s left; running: m2 pooled seed 1 starting"


def test_a_line_for_logs_is_dated_and_not_for_terminals():
    log, terminal = io.StringIO(), Terminal()
    for stream in (log, terminal):
        log_line("making the phantom data/phantom", stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d making the phantom data/phantom\n", log.getvalue())
    assert terminal.getvalue() == ""


def test_a_terminal_gets_a_bar_for_all_and_one_a_run_in_progress(runs):
    text = shown(Terminal(), runs, pause=1.2)
    assert "0/3 runs |" in text
    assert "2/3 runs, 1 failed |" in text
    assert re.search(r"m1 pooled seed 1 \|.*\| epoch 3/8, about \d+ s left", text)
    assert "m0 pooled seed 1 |" in text
    # Lines of their own, which no bar is drawn into.
    for line in ("failed: m1, pooled, seed 1: MethodError: no", "m0 is finished"):
        assert re.search(rf"(?:[\r\n]|\x1b\[A){line}\n", text)


def test_what_was_seen_replaces_what_was_estimated(runs, monkeypatch):
    display = Display([100.0] * 10, 1, io.StringIO())
    assert display.seconds_left() == pytest.approx(1000, rel=0.01)
    display.done, display.ended = 500.0, 5
    display.began -= 5000  # ten times slower than estimated
    assert 4000 < display.seconds_left() < 5000


def test_a_file_that_is_missing_or_strange_stops_nothing(tmp_path):
    assert read_progress(tmp_path) == Progress()
    for content in ("", "[]", '{"stage": "training"}', '{"stage": "training", "epoch": "x", "epochs": 1}'):
        (tmp_path / PROGRESS).write_text(content)
        assert read_progress(tmp_path) == Progress()
    write_progress(tmp_path, Progress("training", 1, 4))
    assert read_progress(tmp_path) == Progress("training", 1, 4)
    forget_progress(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_moves_on_from_epoch_to_epoch_and_on_to_scoring():
    stages = [Progress(), *(Progress("training", epoch, 4) for epoch in range(5)), Progress("scoring", 4, 4)]
    fractions = [stage.fraction for stage in stages]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0
    assert fractions[-1] < 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (99, "99 s"), (100, "2 min"), (3600, "60 min"), (7800, "2 h 10 min")]
)
def test_durations_are_for_people(seconds, text):
    assert duration(seconds) == text


def test_an_interrupted_sweep_ends_at_once_in_one_line(smoke, tmp_path):
    config = smoke(methods=["autoencoder"], overrides={"trainer.max_epochs": 2000}, workers=1)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmark.cli", "sweep", "--config", str(config), "--out", str(out)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell lets its background jobs ignore it, and what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    deadline = time.time() + 120
    while not list(out.glob(f"runs/*/{PROGRESS}")) and time.time() < deadline:
        time.sleep(0.1)
    (run,) = out.glob("runs/*")
    epochs = [read_progress(run).epoch]
    while epochs[-1] <= epochs[0] and time.time() < deadline:
        time.sleep(0.1)
        epochs.append(read_progress(run).epoch)
    assert read_progress(run).epochs == 2000
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    last = stderr.splitlines()[-1]
    assert last.startswith("error: interrupted; the same command goes on from here: seada-bench sweep --config ")
    assert "Traceback" not in stderr
    time.sleep(1)
    states = [Path(f"/proc/{pid}/stat") for pid in os.listdir("/proc") if pid.isdigit()]  # noqa: PTH208
    assert process.pid not in [session(path) for path in states]


def session(stat):
    """Session of a process; None for one that is gone or a zombie."""
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[3])

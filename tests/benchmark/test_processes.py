"""Processes of a pool: they work, and they end with the process that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmark.metrics.threads import use_one_thread
from benchmark.processes import process_pool

ROOT = Path(__file__).parents[2]

#: Starts a pool of two, prints the numbers of its processes, and waits for ever.
OWNER = """
import os, time
from benchmark.processes import process_pool
if __name__ == "__main__":
    pool = process_pool(2)
    numbers = set()
    while len(numbers) < 2:
        numbers |= set(pool.map(work, [0.05] * 4))
    print(*numbers, flush=True)
    time.sleep(600)
"""
WORK = """
import os, time
def work(seconds):
    time.sleep(seconds)
    return os.getpid()
"""


def alive(number):
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except FileNotFoundError:
        return False
    # The letter behind the name; Z is a process that has ended and that nobody has asked about.
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def test_every_process_is_initialised(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with process_pool(1) as plain, process_pool(1, use_one_thread) as initialised:
        assert plain.submit(os.getenv, "OMP_NUM_THREADS").result() == "7"
        assert initialised.submit(os.getenv, "OMP_NUM_THREADS").result() == "1"


def test_processes_end_when_their_owner_is_killed(tmp_path):
    (tmp_path / "owner.py").write_text(WORK + OWNER)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    owner = subprocess.Popen([sys.executable, str(tmp_path / "owner.py")], stdout=subprocess.PIPE, env=environment)
    numbers = [int(number) for number in owner.stdout.readline().split()]
    assert len(numbers) == 2
    assert all(alive(number) for number in numbers)
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    deadline = time.time() + 20
    while any(alive(number) for number in numbers) and time.time() < deadline:
        time.sleep(0.05)
    assert not any(alive(number) for number in numbers)

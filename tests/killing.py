"""Kill a sweep at random moments until it ends: `python tests/killing.py SWEEP.yaml OUT KILLS`.

Every start is a copy of this process, which has imported all libraries, and executes its runs itself: a start takes no
time, and nearly every kill falls into work. The first so many copies are killed, if they have not ended by then, and
the last one goes on to the end. What was finished once must never be done again.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from functools import partial
from pathlib import Path

from conftest import execute_in_this_process

from benchmark.sweep.config import read_sweep
from benchmark.sweep.run import MARKER
from benchmark.sweep.sweep import run_sweep

#: Longest time in seconds that a copy is given before it is killed.
LONGEST = 6.0


def markers(out):
    """Time of change of every completion marker."""
    return {path: path.stat().st_mtime_ns for path in out.glob(f"runs/**/{MARKER}")}


def started(sweep, out):
    """A copy of this process that runs the sweep."""
    child = os.fork()
    if child:
        return child
    try:
        failures = run_sweep(sweep, out, partial(execute_in_this_process, sweep))
    except BaseException as error:  # noqa: BLE001 (a copy must not go on with what its parent does)
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        os._exit(1)
    os._exit(1 if failures else 0)


def main(config, out, kills):
    """Kill so many copies; the number of those that had not ended."""
    sweep = read_sweep(config)
    draw = random.Random(kills)
    hit = 0
    for number in range(kills + 1):
        before = markers(out)
        child = started(sweep, out)
        if number < kills:
            time.sleep(draw.uniform(0, LONGEST))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        hit += os.WIFSIGNALED(status)
        assert os.WIFSIGNALED(status) or status == 0, f"copy {number} ended with {status}"
        after = markers(out)
        again = [str(path) for path, when in before.items() if after.get(path) != when]
        assert not again, f"done again after kill {number}: {again}"
    sys.stdout.write(f"killed {hit} times\n")
    assert hit, "every copy ended before it was killed"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))

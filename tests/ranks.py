"""Processes that train together: `python tests/ranks.py RUNS.json...`, a file for each number of processes.

Lightning starts processes of its own for every run; here they are copies of one that has imported all libraries, and
each of them does all runs of its file.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

from benchmark.train.cli import run


def process(rank, ranks, ports, runs):
    """Do runs as one of the ranks, in a copy of this process; its number."""
    child = os.fork()
    if child:
        return child
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0", "WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1"}
    try:
        for port, arguments in zip(ports, runs, strict=True):
            os.environ["MASTER_PORT"] = str(port)
            run([*arguments, f"--trainer.devices={ranks}"])
    except BaseException:  # noqa: BLE001 (a copy must not go on with what its parent does)
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def main(path):
    """Do the runs of a file in as many processes as it says."""
    given = json.loads(path.read_text())
    children = {process(rank, given["ranks"], given["ports"], given["runs"]): rank for rank in range(given["ranks"])}
    while children:
        child, status = os.wait()
        rank = children.pop(child)
        if status:
            # The others would wait for it for good.
            for other in children:
                os.kill(other, signal.SIGKILL)
            sys.exit(f"rank {rank} of {given['ranks']} ended with {status}")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        main(Path(name))

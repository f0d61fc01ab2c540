"""One process of several that train together: `python tests/ranks.py RANK RANKS PORT RUNS.json`.

Lightning starts processes of its own for every run; here each of them does all runs, and imports once.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main(rank: int, ranks: int, port: int, runs: Path) -> None:
    """Do the runs of a list of arguments of `seada-bench`, as one of the ranks."""
    os.environ |= {"LOCAL_RANK": str(rank), "NODE_RANK": "0", "WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1"}

    from benchmark.fitting import run

    for number, arguments in enumerate(json.loads(runs.read_text())):
        os.environ["MASTER_PORT"] = str(port + number)
        run([*arguments, f"--trainer.devices={ranks}"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]), Path(sys.argv[4]))

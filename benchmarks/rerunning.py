"""Time of calling a finished sweep of many runs again, and what its workers' memory does over the runs.

Run as ``python -m benchmarks.rerunning --runs 1000``; the sweep itself takes a second or two a run.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import auto_cli

#: A phantom and a scoring that are as small as they can be.
SWEEP: dict[str, Any] = {
    "phantom": {"settings": {"spacing": 10.0, "train_scans": 64, "test_subjects": 3, "travelling_subjects": 3}},
    "overrides": {"data.preprocessing.shape": [16, 20, 16], "data.preprocessing.spacing": 10.0},
    "evaluation": {"probes": ["knn"], "permutations": 0, "test_permutations": 0, "inner_folds": 0, "bootstrap": 20},
}


def sweep_of(method: str, runs: int, folder: Path) -> dict[str, object]:
    """A sweep of one method with so many seeds, on one phantom."""
    phantom = folder / "phantom"
    data = {
        "data.manifests": [f"{phantom}/phantom-*.csv"],
        "data.data_root": str(phantom),
        "data.truth": f"{phantom}/truth.csv",
        "data.cache_dir": f"{folder}/cache",
        "trainer.max_epochs": 1,
    }
    return {
        **SWEEP,
        "methods": [method],
        "seeds": {"pooled": list(range(runs))},
        "phantom": {**SWEEP["phantom"], "out": str(phantom)},
        "overrides": {**SWEEP["overrides"], **data},
    }


def main(runs: int = 1000, method: str = "random_vectors", again: int = 3, out: str | None = None) -> None:
    """Print the seconds of the sweep, of calling it again, and the workers' peak memory after some of the runs.

    Parameters
    ----------
    runs
        Of the sweep.
    method
        What each of them trains.
    again
        Times that it is called again.
    out
        Folder to work in, kept; a temporary one by default.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(out or name)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "many.yaml"
        file.write_text(yaml.safe_dump(sweep_of(method, runs, folder)), encoding="utf-8")
        command = [sys.executable, "-m", "benchmark.cli", "sweep", "--config", str(file), "--out", f"{folder}/results"]
        for number in range(again + 1):
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
            what = f"{runs} runs" if number == 0 else "again"
            sys.stdout.write(f"{what}: {time.perf_counter() - started:.1f} s\n")
            sys.stdout.flush()
        markers = sorted(folder.glob("results/runs/*/run.json"), key=lambda path: path.stat().st_mtime_ns)
        memory = [json.loads(path.read_text(encoding="utf-8"))["peak_memory_mib"] for path in markers]
        shown = {number: memory[number - 1] for number in (1, 10, 100, 300, 1000) if number <= len(memory)}
        sys.stdout.write(f"peak memory of the worker in MiB after run: {shown}\n")


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

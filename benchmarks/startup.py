"""CPU seconds until a command says something for which nothing is computed: its help, or what it was given wrongly.

Run as ``python -m benchmarks.startup``. User and system time of the process are counted, so that other work on the
machine matters little; the last column is how many starts of an empty Python fit into it.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from jsonargparse import auto_cli

COMMANDS = (
    "--help",
    "check-method --help",
    "collect --help",
    "compare --help",
    "evaluate --help",
    "fit --help",
    "fit --help.full",
    "list methods",
    "list metrics",
    "manifest --help",
    "manifest build bids --help",
    "manifest check --help",
    "phantom --help",
    "predict --help",
    "preprocess --help",
    "status --help",
    "sweep --help",
    "tables --help",
    "verify --help",
    "no-such-command",
    "compare absent absent",
    "evaluate --embeddings absent.csv --out absent",
    "fit --config absent.yaml",
    "fit --no-such-option=1",
    "fit --config benchmark/configs/methods/autoencoder.yaml --trainer.no-such-option=1",
    "manifest check --manifests absent.csv",
    "preprocess --manifests absent.csv --out absent",
    "status absent",
    "sweep --config absent.yaml",
    "tables absent",
    "verify absent",
)


def cpu_seconds(*arguments: str) -> float:
    """User and system time of a new Python with these arguments, and of the processes that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=False)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(repeats: int = 3) -> None:
    """Print the CPU seconds of each command, and their ratio to an empty Python.

    Parameters
    ----------
    repeats
        Starts of which the fastest counts; the first also fills the caches of files.
    """
    empty = min(cpu_seconds("-c", "pass") for _ in range(repeats))
    sys.stdout.write(f"{'an empty Python':<86} {empty:6.2f} s\n")
    for command in COMMANDS:
        taken = min(cpu_seconds("-m", "benchmark.cli", *command.split()) for _ in range(repeats))
        sys.stdout.write(f"{command:<86} {taken:6.2f} s {taken / empty:6.0f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

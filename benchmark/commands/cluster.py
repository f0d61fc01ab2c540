"""The commands for sweeps on a cluster: `seada-bench status` and `seada-bench collect`, and what `sweep` does there."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.parsing import Parser

if TYPE_CHECKING:
    from benchmark.sweep.config import SweepConfig


def submit(sweep: SweepConfig, out: Path) -> int:
    """Hand the missing runs of a sweep to the cluster, and say how to go on."""
    from tabulate import tabulate

    from benchmark.report.text import count
    from benchmark.sweep.slurm import SlurmExecutor
    from benchmark.sweep.submission import read_submission
    from benchmark.sweep.sweep import run_sweep

    executor = SlurmExecutor(sweep, out)
    run_sweep(sweep, out, executor.execute)
    if executor.submitted:
        rows = [(job, run.name) for run, job in executor.submitted]
        say(tabulate(rows, headers=["job", "run"], disable_numparse=True))
    before = len(read_submission(out).runs) - len(executor.submitted)
    say(f"{count(len(executor.submitted), 'run')} submitted, {before} done or in the queue before; go on with")
    say(f"seada-bench status {out}\nseada-bench collect {out}")
    return 0


def check_not_submitted(out: Path) -> None:
    """Refuse to work here on runs that a cluster is about to work on.

    Raises
    ------
    UserError
        If a job of the results folder is running or waiting.
    """
    from benchmark.sweep.submission import RECORD, read_submission

    if not (out / RECORD).is_file():
        return
    from benchmark.report.text import count
    from benchmark.sweep.submission import LIVE, states

    jobs = [run.job for run, state in states(read_submission(out), out).values() if state.word in LIVE]
    if jobs:
        raise UserError(
            f"{out}: {count(len(jobs), 'run')} of this folder in the queue of a cluster, the first as job {jobs[0]}; "
            f"wait for all, cancel them, or give another --out (if none is left in truth, remove {out / RECORD})"
        )


def status(args: list[str]) -> int:
    """`seada-bench status DIR`."""
    options = _parser("status", "Say how the runs of a sweep on a cluster are getting on.").parse_args(args)

    from benchmark.sweep.submission import DONE, LIVE, read_submission, states

    submission = read_submission(options.results)

    from tabulate import tabulate

    found = states(submission, options.results)
    rows = [(run.name, state.word, run.job, state.detail) for run, state in found.values()]
    say(tabulate(rows, headers=["run", "state", "job", ""], disable_numparse=True))
    counts = Counter(state.word for _, state in found.values())
    words = [DONE, *LIVE, *sorted(set(counts) - {DONE, *LIVE})]
    say(", ".join(f"{counts[word]} {word}" for word in words if counts[word]))
    return 0


def collect(args: list[str]) -> int:
    """`seada-bench collect DIR`; status 1 if runs are not done."""
    description = "Write the tables of what a cluster has done of a sweep so far; exit status 1 if runs are missing."
    out = _parser("collect", description).parse_args(args).results

    from benchmark.sweep.submission import DONE, read_submission

    submission = read_submission(out)

    from benchmark.report.text import count
    from benchmark.sweep.sweep import collect_sweep, tables_text

    missing = collect_sweep(out)
    say(tables_text(submission.config(out), out))
    for run, state in missing:
        # Its folder was done when SLURM was asked, and is not any more.
        word = "missing" if state.word == DONE else state.word
        say(f"{word}: {run.name}{': ' + state.detail if state.detail else ''}", sys.stderr)
    if missing:
        say(f"error: {count(len(missing), 'run')} missing; 'seada-bench sweep' submits those that failed", sys.stderr)
    return 1 if missing else 0


def _parser(command: str, description: str) -> Any:
    parser = Parser(command, description)
    parser.add_argument("results", type=Path, help="Results folder that the sweep was submitted from.")
    return parser

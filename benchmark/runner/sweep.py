"""`seada-bench sweep`: run the cells that are missing, then write the tables."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.data.phantom import generate
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.report.tables import write_replicates, write_scores, write_tables
from benchmark.report.write_statistics import write_statistics
from benchmark.runner.cells import REPLICATES, SCORES, Cell, build_stores, cells_of, group_of
from benchmark.runner.config import SweepConfig
from benchmark.runner.costs import estimate
from benchmark.runner.executor import Executor
from benchmark.runner.local import LocalExecutor
from benchmark.runner.planning import remembered_seconds
from benchmark.runner.provenance import environment
from benchmark.runner.status import DONE, FAILED, NOT_SUBMITTED, CellState, states
from benchmark.runner.submission import place_of, read_submission
from benchmark.runner.works import Question, works_of
from benchmark.tracking.settings import Tracking
from benchmark.tracking.wandb_run import log_final_tables

log = logging.getLogger(__name__)


def prepare(sweep: SweepConfig) -> None:
    """Make the phantoms of a sweep that are missing."""
    if sweep.phantom is None:
        return
    for seed in sorted({seed for seeds in sweep.seeds.values() for seed in seeds}):
        out, settings = sweep.phantom.of_seed(seed)
        generate(settings, out, processes=os.cpu_count() or 1)


def plan(sweep: SweepConfig, out: Path) -> list[tuple[Cell, str, float]]:
    """Cells with their state and estimated seconds, in the order they are run."""
    works = works_of(sweep, out, Question())
    cells = [work.cell for work in works if work.cell is not None]
    seconds = remembered_seconds(works, sweep.evaluation, sweep.workers)
    if seconds is None:
        # Nothing was calibrated for these settings, and a sweep that is to run has no time for it.
        seconds = [0.0 if work.state == "done" else estimate(work.cell, cells) for work in works if work.cell]
    return [(cell, work.state, cost) for cell, work, cost in zip(cells, works, seconds, strict=True)]


def run_sweep(sweep: SweepConfig, out: Path, executor: Executor | None = None) -> list[tuple[Cell, str]]:
    """Run what is missing and write scores, tables and provenance.

    Parameters
    ----------
    sweep
        What to run.
    out
        Results folder; finished cells in it are kept.
    executor
        Who runs them; worker processes of this machine by default. Nothing is written for one that does not wait.

    Returns
    -------
    list of (Cell, str)
        Failed cells with their errors.

    Raises
    ------
    UserError
        If the folder cannot be written, another sweep works in it, or the data cannot be used.
    """
    with _locked(out):
        started = time.time()
        prepare(sweep)
        rows = plan(sweep, out)
        missing = [(cell, cost) for cell, state, cost in rows if state != "done"]
        build_stores([cell for cell, _ in missing], os.cpu_count() or 1)
        executor = LocalExecutor(sweep) if executor is None else executor
        cells = [cell for cell, _, _ in rows]
        failures = executor.run(missing, cells)
        if executor.waits:
            _write_results(cells, failures, sweep, out, time.time() - started)
            log_final_tables(Tracking(sweep.tracking, group_of(sweep, out)), out)
    return failures


def collect_sweep(out: Path) -> list[tuple[Cell, CellState]]:
    """Write scores, tables and provenance of what a cluster has done so far of a submitted sweep.

    Parameters
    ----------
    out
        Results folder.

    Returns
    -------
    list of (Cell, CellState)
        Cells that are not done, with what is going on with them.

    Raises
    ------
    UserError
        If no sweep was submitted from the folder, or another one works in it.
    """
    submission = read_submission(out)
    sweep = submission.config(out)
    with _locked(out):
        started = time.time()
        found = {place: state for place, (_, state) in states(submission, out).items()}
        cells = cells_of(sweep, out)
        missing = [
            (cell, found.get(place_of(cell, out), CellState(NOT_SUBMITTED))) for cell in cells if cell.state() != DONE
        ]
        failures = [(cell, state.detail) for cell, state in missing if state.word == FAILED]
        _write_results(cells, failures, sweep, out, time.time() - started)
        log_final_tables(Tracking(sweep.tracking, group_of(sweep, out)), out)
    return missing


def _write_results(
    cells: Sequence[Cell], failures: Sequence[tuple[Cell, str]], sweep: SweepConfig, out: Path, seconds: float
) -> None:
    done = [cell for cell in cells if cell.state() == "done"]
    if not done:
        return
    scores = pd.concat([_of_cell(cell, SCORES) for cell in done], ignore_index=True)
    write_scores(scores, out)
    replicates = pd.concat([_of_cell(cell, REPLICATES) for cell in done], ignore_index=True)
    write_replicates(replicates, out)
    write_statistics(replicates, out, list(sweep.method_files()))
    write_tables(scores, out, method_order=list(sweep.method_files()), notes=_notes(done, cells, failures))
    markers = [cell.marker() for cell in done]
    provenance = {
        "environment": environment(),
        "sweep": asdict(sweep),
        "cells": len(cells),
        "failed": [{"cell": cell.name, "error": error} for cell, error in failures],
        "seconds_of_this_call": round(seconds, 1),
        "seconds_of_all_cells": round(sum(m["training_seconds"] + m["scoring_seconds"] for m in markers), 1),
        "peak_memory_mib": max(m["peak_memory_mib"] for m in markers),
        "commits_of_cells": sorted({str(m["environment"]["git_commit"]) for m in markers}),
        "run_keys": {cell.name: cell.run_key for cell in done},
    }
    with atomic_path(out / "provenance.json") as temporary:
        temporary.write_text(json.dumps(provenance, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _of_cell(cell: Cell, name: str) -> pd.DataFrame:
    # The place is the plan's: a base that two methods share is stored under one of their names.
    found = pd.read_parquet(cell.scores_folder / name)
    return found.assign(method=cell.method, protocol=cell.protocol, held_out_site=cell.held_out_site, seed=cell.seed)


def _notes(done: Sequence[Cell], cells: Sequence[Cell], failures: Sequence[tuple[Cell, str]]) -> list[str]:
    notes = ["Model selection: none; every method is scored after its last epoch."]
    remarks = {f"{cell.method}: {text}" for cell in done for text in cell.marker().get("notes", {}).values()}
    notes += sorted(remarks)
    if len(done) < len(cells):
        notes.append(f"{len(cells) - len(done)} of {len(cells)} cells are missing, {len(failures)} of them failed.")
    return notes


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    make_writable(out, "out")
    with (out / ".lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{out}: another sweep is working in this folder; wait for it or give another --out"
            ) from None
        yield

"""`seada-bench sweep`: run the cells that are missing, then write the tables."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import torch

from benchmark.data.atomic import atomic_path
from benchmark.data.phantom import generate
from benchmark.errors import UserError
from benchmark.fitting import MODEL
from benchmark.folders import make_writable
from benchmark.report.tables import write_replicates, write_scores, write_tables
from benchmark.report.write_statistics import write_statistics
from benchmark.runner import worker
from benchmark.runner.cells import REPLICATES, SCORES, Cell, build_stores, group_of
from benchmark.runner.config import SweepConfig
from benchmark.runner.costs import estimate
from benchmark.runner.display import Display
from benchmark.runner.planning import remembered_seconds
from benchmark.runner.provenance import environment
from benchmark.runner.works import Question, works_of
from benchmark.tracking.settings import Tracking
from benchmark.tracking.wandb_run import log_final_tables

log = logging.getLogger(__name__)


#: What the numerical libraries take their number of threads from.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Slots:
    """Long-lived worker processes, each with one cell at a time.

    One pool a process, so that a process that dies takes down its own cell and no other.

    Parameters
    ----------
    workers
        How many; 0 for one a GPU, or one a CPU core where there is no GPU.
    """

    def __init__(self, workers: int) -> None:
        gpus = torch.cuda.device_count()
        cores = os.cpu_count() or 1
        count = workers or gpus or cores
        threads = max(cores // count, 1)
        self.arguments = [(i % gpus if gpus else None, threads) for i in range(count)]
        # Each library reads it when a worker loads it. Workers whose libraries all take every core for themselves
        # wait for each other most of the time, and sums over another number of threads round differently.
        self.environment = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
        self.pools = [self._pool(i) for i in range(count)]
        self.busy: dict[Future[str | None], tuple[int, Cell]] = {}

    def _pool(self, slot: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=get_context("spawn"), initializer=worker.start, initargs=self.arguments[slot]
        )

    def free(self) -> list[int]:
        """Slots without a cell."""
        taken = {slot for slot, _ in self.busy.values()}
        return [slot for slot in range(len(self.pools)) if slot not in taken]

    def submit(self, slot: int, cell: Cell, base: str | None, sweep: SweepConfig) -> None:
        """Give a free slot a cell."""
        future = self.pools[slot].submit(worker.run_cell, cell, base, sweep.evaluation)
        self.busy[future] = (slot, cell)

    def finished(self) -> list[tuple[Cell, str | None]]:
        """Wait for at least one cell; each with its error, if it failed."""
        done, _ = wait(self.busy, return_when=FIRST_COMPLETED)
        results = []
        for future in done:
            slot, cell = self.busy.pop(future)
            try:
                error = future.result()
            except BrokenProcessPool:
                error = "the worker process died (killed, or out of memory)"
                cell.folder.mkdir(parents=True, exist_ok=True)
                (cell.folder / "error.txt").write_text(error + "\n", encoding="utf-8")
                self.pools[slot] = self._pool(slot)
            results.append((cell, error))
        return results

    def close(self, *, kill: bool) -> None:
        """End the processes; at once with ``kill``."""
        for pool in self.pools:
            processes = list((pool._processes or {}).values())
            pool.shutdown(wait=not kill, cancel_futures=True)
            for process in processes if kill else []:
                process.kill()
        for name, value in self.environment.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


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


def run_sweep(sweep: SweepConfig, out: Path) -> list[tuple[Cell, str]]:
    """Run what is missing and write scores, tables and provenance.

    Parameters
    ----------
    sweep
        What to run.
    out
        Results folder; finished cells in it are kept.

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
        failures = _run_missing(missing, [cell for cell, _, _ in rows], sweep) if missing else []
        _write_results([cell for cell, _, _ in rows], failures, sweep, out, time.time() - started)
        log_final_tables(Tracking(sweep.tracking, group_of(sweep, out)), out)
    return failures


def _run_missing(
    missing: Sequence[tuple[Cell, float]], cells: Sequence[Cell], sweep: SweepConfig
) -> list[tuple[Cell, str]]:
    trained_by = {cell.run_key: cell for cell in cells if not cell.base_key}
    waiting = sorted(missing, key=lambda row: -row[1])
    open_keys = {cell.run_key for cell, _ in missing}
    failures: list[tuple[Cell, str]] = []
    slots = Slots(sweep.workers)
    display = Display([cost for _, cost in missing], len(slots.pools))
    finished_cleanly = False
    try:
        display.start()
        while waiting or slots.busy:
            for slot in slots.free():
                ready = next((row for row in waiting if row[0].base_key not in open_keys), None)
                if ready is None:
                    break
                waiting.remove(ready)
                base = trained_by.get(ready[0].base_key)
                model = None if base is None else base.folder / MODEL
                display.begin(*ready)
                slots.submit(slot, ready[0], str(model) if model and model.is_file() else None, sweep)
            for cell, error in slots.finished():
                open_keys.discard(cell.run_key)
                display.end(cell, error)
                if error is not None:
                    failures.append((cell, error))
        finished_cleanly = True
    finally:
        display.close()
        slots.close(kill=not finished_cleanly)
    return failures


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
    found = pd.read_parquet(cell.folder / name)
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

"""`seada-bench sweep`: run the cells that are missing, then write the tables."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.prepare.phantom.generate import RECORD, generate
from benchmark.report.about import ABOUT, About
from benchmark.report.remarks import remarks
from benchmark.report.statistics.settings import StatisticsSettings
from benchmark.report.tables import format_terminal, shown_replicates, write_tables
from benchmark.report.write_statistics import write_statistics
from benchmark.results.environment import environment
from benchmark.results.read import read_provenance, read_table
from benchmark.results.schema import PROVENANCE, REPLICATES, SCORES, SCORES_CSV, joined
from benchmark.results.write import write_provenance, write_replicates, write_scores
from benchmark.sweep.cell import MARKER, Cell
from benchmark.sweep.cells import cells_of, group_of, modules_of
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.data_sets import build_stores, inputs_of
from benchmark.sweep.display import log_line, tell
from benchmark.sweep.executor import Executor
from benchmark.sweep.local import LocalExecutor
from benchmark.sweep.machine import Machine
from benchmark.sweep.outdated import out_of_date
from benchmark.sweep.planning import PlanOptions, estimates, planned_runs
from benchmark.sweep.status import DONE, FAILED, NOT_SUBMITTED, CellState, states
from benchmark.sweep.submission import place_of, read_submission
from benchmark.sweep.told import about_of
from benchmark.sweep.up_to_date import matches, remember
from benchmark.train.tracking.settings import Tracking
from benchmark.train.tracking.wandb_run import log_final_tables

log = logging.getLogger(__name__)


def prepare(sweep: SweepConfig) -> None:
    """Make the phantoms of a sweep that are missing."""
    if sweep.phantom is None:
        return
    for seed in sorted({seed for seeds in sweep.seeds.values() for seed in seeds}):
        out, settings = sweep.phantom.of_seed(seed)
        if not (out / RECORD).is_file():
            log_line(f"making the phantom {out}")
        generate(settings, out, processes=os.cpu_count() or 1)


def plan(sweep: SweepConfig, out: Path) -> list[tuple[Cell, str, float]]:
    """Cells with their state and estimated seconds, in the order they are run."""
    runs = planned_runs(sweep, out, PlanOptions())
    found = estimates(runs, out, sweep.evaluation, Machine.here(sweep.workers), measure=False)
    return [(run.cell, run.state, cost.seconds) for run, cost in zip(runs, found, strict=True) if run.cell is not None]


def run_sweep(
    sweep: SweepConfig, out: Path, executor: Executor | None = None, file: Path | None = None
) -> list[tuple[Cell, str]]:
    """Run what is missing and write scores, tables and provenance.

    Parameters
    ----------
    sweep
        What to run.
    out
        Results folder; finished cells in it are kept.
    executor
        Who runs them; worker processes of this machine by default. Nothing is written for one that does not wait.
    file
        The sweep's file; if all went well, it is noted what the results were made from, so that the next call can
        tell at once that there is nothing to do.

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
        preparing = time.time() - started
        executor = LocalExecutor(sweep) if executor is None else executor
        told = False
        while True:
            rows = plan(sweep, out)
            for line in [] if told else out_of_date([cell for cell, _, _ in rows], out):
                tell(line)
            told = True
            missing = [(cell, cost) for cell, state, cost in rows if state != "done"]
            before = time.time()
            build_stores([cell for cell, _ in missing], os.cpu_count() or 1, log_line)
            preparing += time.time() - before
            cells = [cell for cell, _, _ in rows]
            failures = executor.run(missing, cells)
            if not executor.waits:
                break
            whole, torn = _read(cells)
            if torn and not {cell.run_key for cell in torn} & {cell.run_key for cell, _ in missing}:
                # Of an earlier call, and torn since. What this call wrote and cannot read it would not mend either.
                continue
            failures += [(cell, "its scores are damaged as soon as they are written") for cell in torn]
            _write_results(cells, whole, failures, sweep, out, (time.time() - started, preparing))
            log_final_tables(Tracking(sweep.tracking, group_of(sweep, out)), out)
            if file is not None and not failures:
                _remember(sweep, out, file, cells)
            break
    return failures


def tables_text(sweep: SweepConfig, out: Path) -> str:
    """The tables of a results folder for the terminal, and where they lie."""
    scores = out / SCORES
    lines = [f"tables: {out}/retrieval.md, {out}/leakage.md (and .csv); every score: {out}/{SCORES_CSV}"]
    if scores.is_file():
        about = About.of(read_provenance(out / PROVENANCE))
        text = format_terminal(read_table(scores), about)
        lines.insert(0, text.rstrip("\n"))
    return "\n".join(lines)


def _remember(sweep: SweepConfig, out: Path, file: Path, cells: Sequence[Cell]) -> None:
    read, patterns = inputs_of(cells)
    made = [path for cell in cells for path in cell.files()]
    tables = [path for path in out.iterdir() if path.is_file() and not path.name.startswith(".")]
    found = {pattern: matches(pattern) for pattern in patterns}
    methods = list(sweep.method_files().values())
    modules = modules_of(cells)
    remember(out, [file, *methods], [*read, *made, *tables], found, modules, tables_text(sweep, out))


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
        _write_results(cells, _read(cells)[0], failures, sweep, out, (time.time() - started, 0.0))
        log_final_tables(Tracking(sweep.tracking, group_of(sweep, out)), out)
    return missing


def _read(cells: Sequence[Cell]) -> tuple[list[tuple[Cell, pd.DataFrame, pd.DataFrame]], list[Cell]]:
    """Scores and replicates of the cells that are done, and the cells that lose their marker as theirs are damaged."""
    found, torn = [], []
    for cell in cells:
        if cell.state() != "done":
            continue
        try:
            found.append((cell, _of_cell(cell, SCORES), _of_cell(cell, REPLICATES)))
        except UserError as error:
            log.warning("%s; the cell '%s' is scored again", error, cell.name)
            (cell.scores_folder / MARKER).unlink()
            torn.append(cell)
    return found, torn


def _deterministic(cells: Sequence[Cell]) -> bool:
    # By the options of the trainings: neither this process nor one that scored again has trained anything.
    return all(cell.config["trainer"]["deterministic"] is True for cell in cells)


def _write_results(
    cells: Sequence[Cell],
    whole: Sequence[tuple[Cell, pd.DataFrame, pd.DataFrame]],
    failures: Sequence[tuple[Cell, str]],
    sweep: SweepConfig,
    out: Path,
    seconds: tuple[float, float],
) -> None:
    if not whole:
        return
    done = [cell for cell, _, _ in whole]
    scores = joined([table for _, table, _ in whole])
    write_scores(scores, out)
    replicates = shown_replicates(joined([table for _, _, table in whole]))
    write_replicates(replicates, out)
    order = list(sweep.method_files())
    about = about_of(done, order, _notes(done, cells, failures))
    settings = StatisticsSettings(reference=sweep.primary_method, primary_scores=tuple(sweep.primary.scores))
    write_statistics(replicates, out, about, settings)
    write_tables(scores, out, about)
    markers = [cell.marker() for cell in done]
    provenance = {
        "environment": {**environment(), "deterministic_algorithms": _deterministic(done)},
        "sweep": asdict(sweep),
        ABOUT: about.to_json(),
        "cells": len(cells),
        "failed": [{"cell": cell.name, "error": error} for cell, error in failures],
        "seconds_of_this_call": round(seconds[0], 1),
        "seconds_of_preparation": round(seconds[1], 1),
        "seconds_of_all_cells": round(sum((m["training_seconds"] or 0.0) + m["scoring_seconds"] for m in markers), 1),
        "peak_memory_mib": max(m["peak_memory_mib"] for m in markers),
        "largest_waiting_share": max((m.get("waiting_share") or 0.0 for m in markers), default=0.0),
        "commits_of_cells": sorted({str(m["environment"]["git_commit"]) for m in markers}),
        "run_keys": {cell.name: cell.run_key for cell in done},
        "run_key_parts": {cell.name: cell.parts.digests() for cell in done},
    }
    write_provenance(provenance, out)


def _of_cell(cell: Cell, name: str) -> pd.DataFrame:
    # The place is the plan's: a base that two methods share is stored under one of their names.
    found = read_table(cell.scores_folder / name)
    return found.assign(method=cell.method, protocol=cell.protocol, held_out_site=cell.held_out_site, seed=cell.seed)


def _notes(done: Sequence[Cell], cells: Sequence[Cell], failures: Sequence[tuple[Cell, str]]) -> list[str]:
    notes = remarks((cell.method, cell.protocol, cell.marker().get("notes", {})) for cell in done)
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

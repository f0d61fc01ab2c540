"""`seada-bench sweep`: execute the runs that are missing, then write the tables."""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd
import yaml

from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.prepare.phantom.generate import RECORD, generate
from benchmark.report.about import ABOUT, About
from benchmark.report.findings import summary_lines
from benchmark.report.remarks import remarks
from benchmark.report.statistics.settings import StatisticsSettings
from benchmark.report.tables import format_terminal, shown_replicates, write_tables
from benchmark.report.write_statistics import write_statistics
from benchmark.results.environment import environment
from benchmark.results.read import read_results, read_table
from benchmark.results.same_task import DATA
from benchmark.results.schema import REPLICATES, SCORES, SCORES_CSV, joined
from benchmark.results.write import write_provenance, write_replicates, write_scores
from benchmark.sweep.changes import out_of_date
from benchmark.sweep.config import SweepConfig, method_patterns
from benchmark.sweep.data_sets import build_stores, inputs_of
from benchmark.sweep.display import log_line
from benchmark.sweep.local import execute_locally
from benchmark.sweep.machine import Machine
from benchmark.sweep.planning import planned_runs, with_costs
from benchmark.sweep.run import MARKER, Run
from benchmark.sweep.runs import group_of, modules_of, runs_of
from benchmark.sweep.submission import DONE, FAILED, NOT_SUBMITTED, RunState, place_of, read_submission, states
from benchmark.sweep.told import about_of
from benchmark.sweep.up_to_date import matches, remember
from benchmark.train.run_folder import EMBEDDINGS, MODEL
from benchmark.train.tracking.settings import Tracking
from benchmark.train.tracking.wandb_run import log_final_tables

log = logging.getLogger(__name__)

#: Executes runs that are missing, given with their estimated seconds, and is told all runs of the sweep, as some train
#: a base for others. Returns the failed ones with their errors; None if it does not wait for any, as a cluster's.
Execute = Callable[[Sequence[tuple[Run, float]], Sequence[Run]], list[tuple[Run, str]] | None]


def prepare(sweep: SweepConfig) -> None:
    """Make the phantoms of a sweep that are missing."""
    for out, settings in sweep.phantoms:
        if not (out / RECORD).is_file():
            log_line(f"making the phantom {out}")
        generate(settings, out, processes=os.cpu_count() or 1)


def plan(sweep: SweepConfig, out: Path) -> list[tuple[Run, str, float]]:
    """Runs with their state and estimated seconds, in table order."""
    runs = with_costs(planned_runs(sweep, out), out, sweep.evaluation, Machine.here(sweep.workers), measure=False)
    return [(planned.run, planned.state, planned.cost.seconds) for planned in runs]


def run_sweep(
    sweep: SweepConfig, out: Path, execute: Execute | None = None, file: Path | None = None
) -> list[tuple[Run, str]]:
    """Execute what is missing and write scores, tables and provenance.

    Parameters
    ----------
    sweep
        What to execute.
    out
        Results folder; finished runs in it are kept.
    execute
        What executes them; worker processes of this machine by default. Nothing is written if it does not wait.
    file
        The sweep's file; if all went well, it is noted what the results were made from, so that the next call can
        tell at once that there is nothing to do.

    Returns
    -------
    list of (Run, str)
        Failed runs with their errors.

    Raises
    ------
    UserError
        If the folder cannot be written, another sweep works in it, or the data cannot be used.
    """
    with locked(out):
        started = time.time()
        prepare(sweep)
        preparing = time.time() - started
        execute = partial(execute_locally, sweep) if execute is None else execute
        told = False
        while True:
            rows = plan(sweep, out)
            for line in [] if told else out_of_date([run for run, _, _ in rows], out):
                log_line(line, terminal=True)
            told = True
            missing = [(run, cost) for run, state, cost in rows if state != "done"]
            before = time.time()
            build_stores([run for run, _ in missing], os.cpu_count() or 1, log_line)
            preparing += time.time() - before
            runs = [run for run, _, _ in rows]
            failures = execute(missing, runs)
            if failures is None:
                return []
            whole, torn = _read(runs)
            if torn and not {run.run_key for run in torn} & {run.run_key for run, _ in missing}:
                # Of an earlier call, and torn since. What this call wrote and cannot read it would not mend either.
                continue
            failures += [(run, "its scores are damaged as soon as they are written") for run in torn]
            _write_results(runs, whole, failures, sweep, out, (time.time() - started, preparing))
            log_final_tables(Tracking(sweep.tracking, group_of(sweep, out)), out)
            if file is not None and not failures:
                _remember(sweep, out, file, runs)
            return failures


def tables_text(sweep: SweepConfig, out: Path) -> str:
    """The tables of a results folder for the terminal, and where they lie."""
    scores = out / SCORES
    lines = [f"tables: {out}/retrieval.md, {out}/leakage.md (and .csv); every score: {out}/{SCORES_CSV}"]
    if scores.is_file():
        results = read_results(out)
        text = format_terminal(results.scores, About.of(results.provenance))
        lines = [text, summary_lines(results), *lines]
    return "\n".join(lines)


def _remember(sweep: SweepConfig, out: Path, file: Path, runs: Sequence[Run]) -> None:
    read, patterns = inputs_of(runs)
    made = [run.folder / name for run in runs for name in (EMBEDDINGS, MODEL)]
    made += [run.scores_folder / name for run in runs for name in (REPLICATES, SCORES, MARKER)]
    tables = [path for path in out.iterdir() if path.is_file() and not path.name.startswith(".")]
    of_methods = method_patterns(yaml.safe_load(file.read_text(encoding="utf-8")))
    found = {pattern: matches(pattern) for pattern in (*patterns, *of_methods)}
    methods = list(sweep.method_files().values())
    modules = modules_of(runs)
    remember(out, [file, *methods], [*read, *made, *tables], found, modules, tables_text(sweep, out))


def collect_sweep(out: Path) -> list[tuple[Run, RunState]]:
    """Write scores, tables and provenance of what a cluster has done so far of a submitted sweep.

    Parameters
    ----------
    out
        Results folder.

    Returns
    -------
    list of (Run, RunState)
        Runs that are not done, with what is going on with them.

    Raises
    ------
    UserError
        If no sweep was submitted from the folder, or another one works in it.
    """
    submission = read_submission(out)
    sweep = submission.config(out)
    with locked(out):
        started = time.time()
        found = {place: state for place, (_, state) in states(submission, out).items()}
        runs = runs_of(sweep, out)
        missing = [(run, found.get(place_of(run, out), RunState(NOT_SUBMITTED))) for run in runs if run.state() != DONE]
        failures = [(run, state.detail) for run, state in missing if state.word == FAILED]
        _write_results(runs, _read(runs)[0], failures, sweep, out, (time.time() - started, 0.0))
        log_final_tables(Tracking(sweep.tracking, group_of(sweep, out)), out)
    return missing


def _read(runs: Sequence[Run]) -> tuple[list[tuple[Run, pd.DataFrame, pd.DataFrame]], list[Run]]:
    """Scores and replicates of the runs that are done, and the runs that lose their marker as theirs are damaged."""
    found, torn = [], []
    for run in runs:
        if run.state() != "done":
            continue
        try:
            # The place is the plan's: a base that two methods share is stored under one of their names.
            scores, replicates = (
                read_table(run.scores_folder / name).assign(**run.place) for name in (SCORES, REPLICATES)
            )
            found.append((run, scores, replicates))
        except UserError as error:
            log.warning("%s; the run '%s' is scored again", error, run.name)
            (run.scores_folder / MARKER).unlink()
            torn.append(run)
    return found, torn


def _write_results(
    runs: Sequence[Run],
    whole: Sequence[tuple[Run, pd.DataFrame, pd.DataFrame]],
    failures: Sequence[tuple[Run, str]],
    sweep: SweepConfig,
    out: Path,
    seconds: tuple[float, float],
) -> None:
    if not whole:
        return
    done = [run for run, _, _ in whole]
    scores = joined([table for _, table, _ in whole])
    write_scores(scores, out)
    replicates = shown_replicates(joined([table for _, _, table in whole]))
    write_replicates(replicates, out)
    order = list(sweep.method_files())
    notes = remarks((run.method, run.protocol, run.marker().get("notes", {})) for run in done)
    if len(done) < len(runs):
        notes.append(f"{len(runs) - len(done)} of {len(runs)} runs are missing, {len(failures)} of them failed.")
    about = about_of(done, order, notes)
    settings = StatisticsSettings(reference=sweep.primary_method, primary_scores=tuple(sweep.primary.scores))
    write_statistics(replicates, out, about, settings)
    write_tables(scores, out, about)
    markers = [run.marker() for run in done]
    # By the options of the trainings: neither this process nor one that scored again has trained anything.
    deterministic = all(run.config["trainer"]["deterministic"] is True for run in done)
    provenance = {
        "environment": {**environment(), "deterministic_algorithms": deterministic},
        "sweep": asdict(sweep),
        ABOUT: about.to_json(),
        "runs": len(runs),
        "failed": [{"run": run.name, "error": error} for run, error in failures],
        "seconds_of_this_call": round(seconds[0], 1),
        "seconds_of_preparation": round(seconds[1], 1),
        "seconds_of_all_runs": round(sum((m["training_seconds"] or 0.0) + m["scoring_seconds"] for m in markers), 1),
        "peak_memory_mib": max(m["peak_memory_mib"] for m in markers),
        "largest_waiting_share": max((m.get("waiting_share") or 0.0 for m in markers), default=0.0),
        "commits_of_runs": sorted({str(m["environment"]["git_commit"]) for m in markers}),
        "run_keys": {run.name: run.run_key for run in done},
        "run_key_parts": {run.name: run.parts.digests() for run in done},
        DATA: {str(run.seed): run.parts.data for run in done},
    }
    write_provenance(provenance, out)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold a results folder, made where missing, for one sweep.

    Raises
    ------
    UserError
        If it cannot be written, or another sweep works in it.
    """
    make_writable(out, "out")
    with (out / ".lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"{out}: another sweep is working in this folder; wait for it or give another --out"
            ) from None
        yield

"""Runs as jobs of a SLURM cluster, by submitit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError
from submitit.helpers import clean_env

from benchmark.errors import UserError
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.executor_config import SLURM, Resources
from benchmark.sweep.machine import THREAD_VARIABLES
from benchmark.sweep.run import Run, base_models
from benchmark.sweep.slurm_job import RunJob
from benchmark.sweep.submission import (
    DONE,
    LIVE,
    LOGS,
    RECORD,
    Submission,
    SubmittedRun,
    place_of,
    read_submission,
    states,
    write_submission,
)


@dataclass(frozen=True)
class SlurmExecutor:
    """Hands runs to SLURM and leaves: an array for all that need the same and wait for nothing, a job for each other.

    A run waits for the job of the run that trains its base, and for the job of a run that works in the same folder.

    Attributes
    ----------
    sweep
        What is executed, and what each run is given.
    out
        Results folder, on a file system that the nodes share.
    submitted
        Runs that :meth:`execute` has handed over, with their job ids.
    """

    sweep: SweepConfig
    out: Path
    submitted: list[tuple[Run, str]] = field(default_factory=list)

    def execute(self, missing: Sequence[tuple[Run, float]], runs: Sequence[Run]) -> None:
        """Submit the runs that are neither done nor in the queue; see :data:`benchmark.sweep.sweep.Execute`.

        Raises
        ------
        UserError
            If there is no SLURM, or it refuses a job; the message has its reason.
        """
        if missing and shutil.which("sbatch") is None:
            raise UserError("executor.kind: slurm needs SLURM's commands on this machine; there is no 'sbatch'")
        known, live = self._known()
        record = {}
        for run in runs:
            place = place_of(run, self.out)
            entry = known.get(place)
            # Another score key: the sweep's evaluation has changed since, and the run is scored anew.
            same = entry is not None and entry.score_key == run.score_key
            record[place] = entry if entry and same else SubmittedRun(run.name, run.score_key)
        self._write(record)
        places = {place_of(run, self.out): run for run, _ in missing}
        todo = [run for place, run in places.items() if place not in live or not record[place].job]
        working = {run.run_key: live[place] for run in runs if (place := place_of(run, self.out)) in live}
        bases = base_models(runs)
        arrays: dict[Resources, list[Run]] = {}
        later = []
        begun = set(working)
        for run in sorted(todo, key=lambda run: bool(run.base_key)):
            if run.run_key in begun or run.base_key in begun:
                later.append(run)
            else:
                arrays.setdefault(self.sweep.executor.resources(run.method), []).append(run)
            begun.add(run.run_key)
        for resources, group in arrays.items():
            for run, job in zip(group, self._submit(group, resources, bases, []), strict=True):
                self._enter(run, job, record, working)
        for run in later:
            earlier = [working[key] for key in (run.base_key, run.run_key) if key in working]
            resources = self.sweep.executor.resources(run.method)
            (job,) = self._submit([run], resources, bases, earlier)
            self._enter(run, job, record, working)

    def _known(self) -> tuple[dict[str, SubmittedRun], dict[str, str]]:
        """Runs of an earlier submission by their place, and the jobs of those that are in the queue."""
        if not (self.out / RECORD).is_file():
            return {}, {}
        found = states(read_submission(self.out), self.out)
        kept = (*LIVE, DONE)
        known = {place: run if state.word in kept else replace(run, job="") for place, (run, state) in found.items()}
        return known, {place: run.job for place, (run, state) in found.items() if state.word in LIVE}

    def _submit(
        self, runs: Sequence[Run], resources: Resources, bases: dict[str, Path], earlier: Sequence[str]
    ) -> list[str]:
        executor = submitit.AutoExecutor(
            folder=self.out / LOGS, cluster=SLURM, slurm_max_num_timeout=self.sweep.executor.requeues
        )
        threads = resources.cpus_per_task or 1
        try:
            executor.update_parameters(**self._parameters(resources, threads, earlier))
            with _own_environment(), executor.batch():
                jobs = [
                    executor.submit(
                        RunJob(run, bases.get(run.base_key), self.sweep.evaluation, resources.nodes, threads)
                    )
                    for run in runs
                ]
        except (FailedSubmissionError, FailedJobError) as error:
            raise UserError(f"executor: SLURM refused {runs[0].name}: {' '.join(str(error).split())}") from None
        return [job.job_id for job in jobs]

    def _parameters(self, resources: Resources, threads: int, earlier: Sequence[str]) -> dict[str, Any]:
        """Resources in submitit's words; it starts when the earlier jobs are over, however they end."""
        executor = self.sweep.executor
        exports = " ".join(f"{name}={threads}" for name in THREAD_VARIABLES)
        return {
            "name": self.out.name,
            "timeout_min": resources.time_minutes,
            "nodes": resources.nodes,
            "tasks_per_node": resources.processes_per_node,
            "cpus_per_task": threads,
            "gpus_per_node": resources.gpus_per_node,
            "mem_gb": resources.mem_gb,
            "slurm_partition": resources.partition,
            "slurm_account": resources.account,
            "slurm_array_parallelism": executor.throttle,
            "slurm_dependency": "afterany:" + ":".join(earlier) if earlier else None,
            "slurm_setup": [*executor.setup, f"export {exports}"],
            # Since 22.05 srun no longer takes it from sbatch; and without the other a process waits for a dead one.
            "slurm_srun_args": [f"--cpus-per-task={threads}", "--kill-on-bad-exit=1"],
        }

    def _enter(self, run: Run, job: str, record: dict[str, SubmittedRun], working: dict[str, str]) -> None:
        # At once: a call that dies between two submissions must not forget the first.
        place = place_of(run, self.out)
        record[place] = replace(record[place], job=job)
        working[run.run_key] = job
        self.submitted.append((run, job))
        self._write(record)

    def _write(self, record: dict[str, SubmittedRun]) -> None:
        write_submission(Submission(asdict(self.sweep), record), self.out)


@contextmanager
def _own_environment() -> Iterator[None]:
    """Within a job: submit as from outside, or the new job takes over this one's settings."""
    if "SLURM_JOB_ID" not in os.environ:
        yield
        return
    where = {name: os.environ[name] for name in ("SLURM_CONF", "SLURM_CLUSTERS") if name in os.environ}
    with clean_env():
        os.environ.update(where)
        yield

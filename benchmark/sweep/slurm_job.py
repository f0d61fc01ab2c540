"""What a SLURM job does: one process of one run."""

from __future__ import annotations

import copy
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import submitit
from submitit.helpers import Checkpointable

from benchmark.data.atomic import atomic_path
from benchmark.metrics.evaluate import EvaluationSettings
from benchmark.sweep.run import Run
from benchmark.sweep.slurm_signals import SaveWhenTold
from benchmark.sweep.submission import JOB
from benchmark.sweep.worker import execute_run, start


class RunFailed(RuntimeError):
    """A run failed; its folder says why. SLURM is to count the job as failed too."""


@dataclass(frozen=True)
class RunJob(Checkpointable):
    """Executes a run; put back into the queue, it goes on from the checkpoint in the run's folder.

    It keeps nothing of its own, so that what submitit makes of it on a time limit (a job with the same content) is
    what SLURM makes of it on a preemption.

    Attributes
    ----------
    run, evaluation, nodes
        As for :func:`benchmark.sweep.worker.execute_run`.
    base
        Where another run's job leaves the model that this one builds on; None if there is no such run. If it is
        not there when the job starts, the run trains its base itself.
    threads
        CPU threads of the process.
    """

    run: Run
    base: Path | None
    evaluation: EvaluationSettings
    nodes: int
    threads: int

    def __call__(self) -> None:
        """Do the part of this process.

        Raises
        ------
        RunFailed
            If the run failed, also as the job finds other source, library versions or data than it was submitted
            with.
        """
        place = submitit.JobEnvironment()
        start((), self.threads)
        run = _with_callback(self.run)
        if place.global_rank == 0:
            _write_job(run.scores_folder, place)
        base = str(self.base) if self.base is not None and self.base.is_file() else None
        error = execute_run(run, base, self.evaluation, rank=place.global_rank, nodes=self.nodes)
        if error is not None:
            raise RunFailed(error)


def _with_callback(run: Run) -> Run:
    config = copy.deepcopy(run.config)
    name = f"{SaveWhenTold.__module__}.{SaveWhenTold.__qualname__}"
    config["trainer"]["callbacks"] = [*(config["trainer"].get("callbacks") or []), {"class_path": name}]
    return replace(run, config=config)


def _write_job(folder: Path, place: Any) -> None:
    content = {
        "job": place.job_id,
        "restarts": int(os.environ.get("SLURM_RESTART_COUNT", "0")),
        "nodes": list(place.hostnames),
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / JOB) as temporary:
        temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")

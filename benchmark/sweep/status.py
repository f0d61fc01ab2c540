"""How the runs of a submitted sweep are: their folders say what is done, SLURM's accounting what is going on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.sweep.run import error_of, is_done
from benchmark.sweep.submission import LOGS, Submission, SubmittedRun

DONE = "done"
FAILED = "failed"
NOT_SUBMITTED = "not submitted"
#: Those of a run that a job is going to work on: it is not to be submitted again.
LIVE = ("running", "requeued", "waiting", "unknown")

# The accounting says PREEMPTED until it learns that the job has been put back into the queue.
_WAITING = ("PENDING", "CONFIGURING", "READY", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "PREEMPTED", "SUSPENDED")
_RUNNING = ("RUNNING", "COMPLETING", "STAGE_OUT", "RESIZING", "SIGNALING")


@dataclass(frozen=True)
class RunState:
    """How a run is.

    Attributes
    ----------
    word
        ``done``, one of :data:`LIVE`, ``failed``, ``cancelled``, ``timed out`` (and was not put back into the queue)
        or ``not submitted``.
    detail
        Its error, or what else is to be said.
    """

    word: str
    detail: str = ""


def states(submission: Submission, out: Path) -> dict[str, tuple[SubmittedRun, RunState]]:
    """State of every run of a submission, by the folder of its scores.

    SLURM is asked once. No pickle is loaded.
    """
    open_jobs = [
        run.job for place, run in submission.runs.items() if run.job and not is_done(out / place, run.score_key)
    ]
    # Here alone: sweeps of one machine need no submitit.
    from submitit import SlurmJob

    # All are known to submitit's watcher before the first state is asked for: one call of sacct tells all.
    jobs: list[SlurmJob[Any]] = [SlurmJob(folder=out / LOGS, job_id=job) for job in open_jobs]
    of_cluster = {job.job_id: str(job.state) for job in jobs}
    return {place: (run, _state(run, out / place, out, of_cluster)) for place, run in submission.runs.items()}


def _state(run: SubmittedRun, folder: Path, out: Path, of_cluster: Mapping[str, str]) -> RunState:
    if is_done(folder, run.score_key):
        return RunState(DONE)
    if not run.job:
        return RunState(NOT_SUBMITTED, error_of(folder))
    # Such as "CANCELLED by 1000".
    state = of_cluster[run.job].partition(" ")[0].rstrip("+")
    begun = _begun(folder)
    restarts = begun.get("restarts", 0) if begun.get("job") == run.job else 0
    if state in _WAITING:
        if begun.get("job") == run.job:
            return RunState("requeued", "timed out or preempted; goes on from its last checkpoint")
        return RunState("waiting")
    if state in _RUNNING:
        return RunState("running", f"requeued {restarts} times" if restarts else "")
    if state == "CANCELLED":
        return RunState("cancelled")
    error = error_of(folder)
    log = out / LOGS / f"{run.job}_0_log.err"
    if state == "TIMEOUT":
        return RunState("timed out", f"and was not put back into the queue; its log: {log}")
    if state.upper() == "UNKNOWN":
        return RunState("unknown", f"SLURM's accounting (sacct) does not know the job yet; 'squeue -j {run.job}' may")
    return RunState(FAILED, error or f"its job ended as {state}, without an error of its own; its log: {log}")


def _begun(folder: Path) -> dict[str, Any]:
    from benchmark.sweep.slurm_job import JOB

    try:
        content = json.loads((folder / JOB).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}

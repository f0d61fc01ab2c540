"""How the cells of a submitted sweep are: their folders say what is done, SLURM's accounting what is going on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.sweep.cell import error_of, is_done
from benchmark.sweep.executor_config import SLURM
from benchmark.sweep.submission import LOGS, Submission, SubmittedCell

DONE = "done"
FAILED = "failed"
NOT_SUBMITTED = "not submitted"
#: Those of a cell that a job is going to work on: it is not to be submitted again.
LIVE = ("running", "requeued", "waiting", "unknown")

# The accounting says PREEMPTED until it learns that the job has been put back into the queue.
_WAITING = ("PENDING", "CONFIGURING", "READY", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "PREEMPTED", "SUSPENDED")
_RUNNING = ("RUNNING", "COMPLETING", "STAGE_OUT", "RESIZING", "SIGNALING")


@dataclass(frozen=True)
class CellState:
    """How a cell is.

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


def states(submission: Submission, out: Path) -> dict[str, tuple[SubmittedCell, CellState]]:
    """State of every cell of a submission, by the folder of its scores.

    SLURM is asked once. No pickle is loaded.
    """
    open_jobs = [
        cell.job for place, cell in submission.cells.items() if cell.job and not is_done(out / place, cell.score_key)
    ]
    # All are known to submitit's watcher before the first state is asked for: one call of sacct tells all.
    kind = _kind_of_job(submission.cluster)
    jobs: dict[str, Any] = {job: kind(folder=out / LOGS, job_id=job) for job in open_jobs}
    of_cluster = {job: str(handle.state) for job, handle in jobs.items()}
    return {place: (cell, _state(cell, out / place, out, of_cluster)) for place, cell in submission.cells.items()}


def _kind_of_job(cluster: str) -> type[Any]:
    # Here alone: sweeps of one machine need no submitit.
    from submitit import LocalJob, SlurmJob

    class StandIn(LocalJob[Any]):
        """A process of submitit's stand-in for a cluster, seen from another process: its result is all there is."""

        @property
        def state(self) -> str:
            return "FINISHED" if self.paths.result_pickle.exists() else "RUNNING"

    return SlurmJob if cluster == SLURM else StandIn


def _state(cell: SubmittedCell, folder: Path, out: Path, of_cluster: Mapping[str, str]) -> CellState:
    if is_done(folder, cell.score_key):
        return CellState(DONE)
    if not cell.job:
        return CellState(NOT_SUBMITTED, error_of(folder))
    # Such as "CANCELLED by 1000".
    state = of_cluster[cell.job].partition(" ")[0].rstrip("+")
    begun = _begun(folder)
    restarts = begun.get("restarts", 0) if begun.get("job") == cell.job else 0
    if state in _WAITING:
        if begun.get("job") == cell.job:
            return CellState("requeued", "timed out or preempted; goes on from its last checkpoint")
        return CellState("waiting")
    if state in _RUNNING:
        return CellState("running", f"requeued {restarts} times" if restarts else "")
    if state == "CANCELLED":
        return CellState("cancelled")
    error = error_of(folder)
    log = out / LOGS / f"{cell.job}_0_log.err"
    if state == "TIMEOUT":
        return CellState("timed out", f"and was not put back into the queue; its log: {log}")
    if state.upper() == "UNKNOWN":
        return CellState("unknown", f"SLURM's accounting (sacct) does not know the job yet; 'squeue -j {cell.job}' may")
    return CellState(FAILED, error or f"its job ended as {state}, without an error of its own; its log: {log}")


def _begun(folder: Path) -> dict[str, Any]:
    from benchmark.sweep.slurm_job import JOB

    try:
        content = json.loads((folder / JOB).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}

"""A sweep whose runs a cluster executes: the record of which run is which job, and how they are.

Their folders say what is done, SLURM's accounting what is going on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.sweep.config import SweepConfig, sweep_of

if TYPE_CHECKING:
    from benchmark.sweep.run import Run

#: The record, in the results folder. Plain JSON: what others hand over can be read without running any of it.
RECORD = "submission.json"
#: Folder of submitit in the results folder: its pickles, which only the jobs themselves load, and their logs.
LOGS = "slurm"


#: In the folder of a run's scores: the job that last began to work on it.
JOB = "job.json"

DONE = "done"
FAILED = "failed"
NOT_SUBMITTED = "not submitted"
#: Those of a run that a job is going to work on: it is not to be submitted again.
LIVE = ("running", "requeued", "waiting", "unknown")

# The accounting says PREEMPTED until it learns that the job has been put back into the queue.
_WAITING = ("PENDING", "CONFIGURING", "READY", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "PREEMPTED", "SUSPENDED")
_RUNNING = ("RUNNING", "COMPLETING", "STAGE_OUT", "RESIZING", "SIGNALING")


@dataclass(frozen=True)
class SubmittedRun:
    """A run of a submitted sweep.

    Attributes
    ----------
    name
        Name of the run for people.
    score_key
        Key that its completion marker will have.
    job
        Id of the job that executes it, such as ``12`` or ``12_3`` of an array; "" if it was done before.
    """

    name: str
    score_key: str
    job: str = ""


@dataclass(frozen=True)
class Submission:
    """A sweep of which a cluster executes the runs.

    Attributes
    ----------
    sweep
        Content of the sweep file.
    runs
        Folder of a run's scores, within the results folder, to the run.
    """

    sweep: dict[str, Any]
    runs: dict[str, SubmittedRun] = field(default_factory=dict)

    def config(self, out: Path) -> SweepConfig:
        """The sweep."""
        return sweep_of(self.sweep, out / RECORD)


def place_of(run: Run, out: Path) -> str:
    """Folder of a run's scores within the results folder: what a run is recorded under."""
    return run.scores_folder.relative_to(out).as_posix()


def write_submission(submission: Submission, out: Path) -> None:
    """Write the record, whole or not at all."""
    with atomic_path(out / RECORD) as temporary:
        temporary.write_text(json.dumps(asdict(submission), indent=1) + "\n", encoding="utf-8")


def read_submission(out: Path) -> Submission:
    """Read the record of a results folder.

    Raises
    ------
    UserError
        If there is none, or one that this version cannot read.
    """
    path = out / RECORD
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        runs = {place: SubmittedRun(**run) for place, run in content["runs"].items()}
        return Submission(content["sweep"], runs)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{out}: no sweep was submitted to a cluster from here; 'seada-bench sweep' does it with 'executor: "
            "{kind: slurm}' in the sweep file"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: not the record of a sweep that this version submitted: {type(error).__name__}: {error}"
        ) from None


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
    # Here alone: sweeps of one machine need no submitit, and whether there is a record is said without any library.
    from submitit import SlurmJob

    from benchmark.sweep.run import is_done

    open_jobs = [
        run.job for place, run in submission.runs.items() if run.job and not is_done(out / place, run.score_key)
    ]
    # All are known to submitit's watcher before the first state is asked for: one call of sacct tells all.
    jobs: list[SlurmJob[Any]] = [SlurmJob(folder=out / LOGS, job_id=job) for job in open_jobs]
    of_cluster = {job.job_id: str(job.state) for job in jobs}
    return {place: (run, _state(run, out / place, out, of_cluster)) for place, run in submission.runs.items()}


def _state(run: SubmittedRun, folder: Path, out: Path, of_cluster: Mapping[str, str]) -> RunState:
    from benchmark.sweep.run import error_of, is_done

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
    try:
        content = json.loads((folder / JOB).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}

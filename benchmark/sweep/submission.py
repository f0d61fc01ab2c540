"""What a sweep leaves in its results folder when it hands runs to a cluster: which run is which job."""

from __future__ import annotations

import json
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

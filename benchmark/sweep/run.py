"""A run, the unit of work of a sweep: one (method, protocol, held-out site, seed), and the files it leaves."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.data.atomic import atomic_path
from benchmark.metrics.settings import EvaluationSettings
from benchmark.results.schema import RUN_COLUMNS, SCORES, run_name
from benchmark.sweep.keys import RunParts, ScoreParts
from benchmark.train.run_folder import EMBEDDINGS, MODEL
from benchmark.train.tracking.settings import Tracking

#: Folder of a results folder with a folder for each run.
RUNS = "runs"
#: Written last: a run whose folder has it with the right score key is finished.
MARKER = "run.json"
ERROR = "error.txt"
#: Begins the name of the folder within a run's that has the scores by a distance of the method's own.
OWN = "own-"


@dataclass(frozen=True)
class Run:
    """One unit of work of a sweep.

    Attributes
    ----------
    method, protocol, held_out_site, seed
        What it is; ``held_out_site`` is "" for the pooled protocol.
    config
        Resolved configuration of `seada-bench fit`.
    run_key, score_key
        Identity of its training and of its scores.
    folder
        Where everything of it lies; derived from the run key.
    base_key
        Run key of the run that trains this one's base, "" if it has none.
    scans
        Number of training scans.
    parts, score_parts
        What its keys are made of.
    tracking
        What is told of its training while it runs; part of no key.
    then
        Is called with the run when it is scored, before it is marked complete; part of no key.
    """

    method: str
    protocol: str
    held_out_site: str
    seed: int
    config: dict[str, Any]
    run_key: str
    score_key: str
    folder: Path
    base_key: str
    scans: int
    parts: RunParts
    score_parts: ScoreParts
    tracking: Tracking | None = None
    then: Callable[[Run], None] | None = None

    @property
    def name(self) -> str:
        """Short name for people."""
        return run_name(**self.place)

    @property
    def place(self) -> dict[str, Any]:
        """Method, protocol, held-out site and seed, by name."""
        return {name: getattr(self, name) for name in RUN_COLUMNS}

    @property
    def processes(self) -> int:
        """How many processes train it together."""
        devices = self.config["trainer"].get("devices")
        return devices if isinstance(devices, int) and devices > 0 else 1

    @property
    def scores_folder(self) -> Path:
        """Where scores, marker and error lie: methods that differ in their own distance alone share a training."""
        distance = self.config.get("own_distance")
        return self.folder / f"{OWN}{distance}" if distance else self.folder

    def state(self) -> str:
        """``done``, ``rescore`` (trained, scores outdated), ``resume`` (begun), ``failed`` or ``new``."""
        if is_done(self.scores_folder, self.score_key):
            return "done"
        if (self.folder / EMBEDDINGS).is_file() and (self.folder / MODEL).is_file():
            return "rescore"
        if (self.scores_folder / ERROR).is_file():
            return "failed"
        return "resume" if self.folder.is_dir() else "new"

    def marker(self) -> dict[str, Any]:
        """Content of the completion marker, empty if there is none."""
        return marker_of(self.scores_folder)


def settings_of(config: dict[str, Any], evaluation: EvaluationSettings) -> EvaluationSettings:
    """Settings of a sweep with the distance that a method's configuration declares."""
    return replace(evaluation, own_distance=config.get("own_distance"))


def marker_of(scores_folder: Path) -> dict[str, Any]:
    """Content of the completion marker in a folder, empty if there is none."""
    try:
        content = json.loads((scores_folder / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def marker_files(out: Path) -> list[Path]:
    """Completion markers in a results folder, in no order."""
    return [*out.glob(f"{RUNS}/*/{MARKER}"), *out.glob(f"{RUNS}/*/{OWN}*/{MARKER}")]


def training_folder(scores_folder: Path) -> Path:
    """Folder of the training whose scores lie in a folder."""
    return scores_folder.parent if scores_folder.name.startswith(OWN) else scores_folder


def is_done(scores_folder: Path, score_key: str) -> bool:
    """Whether a folder has the scores of this key, complete."""
    return marker_of(scores_folder).get("score_key") == score_key and (scores_folder / SCORES).is_file()


def error_of(scores_folder: Path) -> str:
    """Last line of the error in a folder, which says what it was; empty if there is none."""
    try:
        text = (scores_folder / ERROR).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return text.strip().rpartition("\n")[2]


def base_models(runs: Sequence[Run]) -> dict[str, Path]:
    """Run key to the model that its run trains, for runs whose ``base_key`` names it."""
    return {run.run_key: run.folder / MODEL for run in runs if not run.base_key}


def write_error(scores_folder: Path, text: str) -> None:
    """Leave the error that a run ended with, unless its disk has no room for that either; who called says it too."""
    with contextlib.suppress(OSError):
        scores_folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(scores_folder / ERROR) as temporary:
            temporary.write_text(text.rstrip("\n") + "\n", encoding="utf-8")

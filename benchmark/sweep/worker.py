"""What a worker process does with one cell: train, score, leave a completion marker."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import resource
import time
import traceback
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml

from benchmark.data.atomic import atomic_path
from benchmark.data.parquet import read_arrow, write_parquet
from benchmark.embeddings.table import read_embeddings
from benchmark.errors import UserError
from benchmark.metrics.evaluate import EvaluationSettings, score_all, scorers
from benchmark.metrics.rows import to_frame, to_replicates
from benchmark.processes import end_with_parent
from benchmark.results.environment import environment
from benchmark.sweep.cell import ERROR, MARKER, REPLICATES, SCORES, Cell, marker_of
from benchmark.sweep.key_problems import scoring_problem, training_problem
from benchmark.sweep.keys import remember_loaded
from benchmark.sweep.outdated import recorded_parts
from benchmark.sweep.progress import EpochFile, Progress, forget_progress, write_progress
from benchmark.train.checkpoints import usable
from benchmark.train.run_folder import CHECKPOINTS, CONFIG, EMBEDDINGS
from benchmark.train.tracking.loggers import wandb_logger, with_place
from benchmark.train.tracking.settings import TrackingSettings
from benchmark.train.tracking.waiting import waiting_share
from benchmark.train.tracking.wandb_run import log_scores, wandb_run

log = logging.getLogger(__name__)

LOG = "log.txt"

#: Status that submitit ends a process with whose job it has put back into the queue.
REQUEUED = -1


def start(devices: Sequence[int], threads: int) -> None:
    """Initialise a worker: its GPUs, its threads, and its death when the sweep dies.

    Parameters
    ----------
    devices
        Indices of the only GPUs that the worker may see; all that this process sees if there are none.
    threads
        CPU threads of the worker.
    """
    if devices:
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, devices))
    # A worker that outlived a killed sweep would write into cells that the next sweep works on.
    end_with_parent()
    from benchmark.train import cli  # noqa: F401 (all that cells need is loaded now)

    scorers()
    remember_loaded()
    torch.set_num_threads(threads)
    # Libraries stay until the end. Not looking through them makes a collection, of which each cell has one, take no
    # time instead of a third of a second.
    gc.freeze()
    # Their handlers hold the terminal that the progress bar is drawn on.
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)


def run_cell(
    cell: Cell, base: str | None, evaluation: EvaluationSettings, *, rank: int = 0, nodes: int = 1
) -> str | None:
    """Train a cell unless it is trained, score it, and mark it complete.

    Parameters
    ----------
    cell
        What to do.
    base
        Checkpoint of the cell's base if another cell trained it.
    evaluation
        How to score.
    rank
        Which of the cell's processes this is; the first one scores, all of them train.
    nodes
        How many machines they are on.

    Returns
    -------
    str or None
        A one-line error if the cell failed, which is also in its folder with the traceback.
    """
    cell.scores_folder.mkdir(parents=True, exist_ok=True)
    if rank == 0:
        (cell.scores_folder / ERROR).unlink(missing_ok=True)
    try:
        if rank:
            with output_to(cell.folder / LOG):
                _train(cell, base, nodes)
        else:
            with output_to(cell.folder / LOG), _tracked(cell) as run:
                log_scores(run, _run(cell, base, evaluation, nodes), environment())
    except (Exception, SystemExit) as error:  # whatever a cell dies of is recorded; the sweep goes on
        if isinstance(error, SystemExit) and error.code == REQUEUED:
            raise
        _record(cell)
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    finally:
        forget_progress(cell.folder)
        # Trainer and model refer to each other, and to the map of the store: each cell would keep one more of it.
        gc.collect()
    return None


def _tracked(cell: Cell) -> AbstractContextManager[Any]:
    # Not yet the remembered environment: training will turn deterministic algorithms on.
    place = {name: getattr(cell, name) for name in ("method", "protocol", "held_out_site", "seed")}
    about = {**place, "run_key": cell.run_key, "score_key": cell.score_key, "provenance": environment.__wrapped__()}
    return wandb_run(cell.tracking, cell.folder, cell.name, cell.run_key[:16], {**about, **cell.config})


def _record(cell: Cell) -> None:
    # One process of a cell fails, and the others fail of that: the first to say why is right.
    # And a disk that is full has no room for the reason either; the sweep says it.
    with contextlib.suppress(OSError), (cell.scores_folder / ERROR).open("x", encoding="utf-8") as file:
        file.write(traceback.format_exc())


def _train(cell: Cell, base: str | None, nodes: int) -> Path:
    from benchmark.train.cli import run

    embeddings = cell.folder / EMBEDDINGS
    if cell.state() != "rescore" or not _whole(embeddings):
        # Embeddings are written after the model: one without the other is half a run, and goes. Every process of a
        # cell may say so: the first one writes embeddings when all have come to the end of the training.
        _check("training", training_problem(cell))
        embeddings.unlink(missing_ok=True)
        with atomic_path(cell.folder / CONFIG) as temporary:
            temporary.write_text(yaml.safe_dump(_plain(cell, base, nodes)), encoding="utf-8")
        run(["fit", "--config", str(cell.folder / CONFIG)])
    return embeddings


def _check(what: str, problem: str) -> None:
    if problem:
        # Embeddings or scores would stand under the key of what was there when the sweep began.
        raise UserError(f"the {what} is not the one that the sweep began with ({problem}); run the sweep again")


def _whole(embeddings: Path) -> bool:
    try:
        read_arrow(embeddings)
    except UserError as error:
        log.warning("%s; the cell is trained again", error)
        return False
    return True


def _run(cell: Cell, base: str | None, evaluation: EvaluationSettings, nodes: int) -> pd.DataFrame:
    started = time.time()
    # Scored again, a cell keeps the seconds that its training once took.
    rescored = cell.state() == "rescore" and _whole(cell.folder / EMBEDDINGS)
    earlier = _training_seconds(cell) if rescored else None
    embeddings = _train(cell, base, nodes)
    trained = time.time()
    write_progress(cell.folder, Progress("scoring"))
    _check("scoring", scoring_problem(cell))
    table = read_embeddings(embeddings)
    found = score_all(table.frame, cell.settings(evaluation), [cell.held_out_site] if cell.held_out_site else None)
    place: dict[str, Any] = {
        "method": cell.method,
        "protocol": cell.protocol,
        "held_out_site": cell.held_out_site,
        "seed": cell.seed,
    }
    scores = to_frame(found)
    for name, frame in ((REPLICATES, to_replicates(found)), (SCORES, scores)):
        write_parquet(frame.assign(**place), cell.scores_folder / name)
    marker = {
        **place,
        "run_key": cell.run_key,
        "score_key": cell.score_key,
        **recorded_parts(cell),
        "notes": table.notes,
        "training_seconds": earlier if rescored else round(trained - started, 3),
        "scoring_seconds": round(time.time() - trained, 3),
        "waiting_share": waiting_share(cell.folder),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_gpu_memory_mib": torch.cuda.max_memory_allocated() // 2**20,
        "environment": environment(),
    }
    with atomic_path(cell.scores_folder / MARKER) as temporary:
        temporary.write_text(json.dumps(marker, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for checkpoint in (cell.folder / CHECKPOINTS).glob("*.ckpt"):
        checkpoint.unlink()
    return scores


def _training_seconds(cell: Cell) -> float | None:
    """What a trained cell's training took, by its own marker or that of a cell that shares it; None if unknown."""
    found = next((marker for marker in (cell.marker(), marker_of(cell.folder)) if marker), {})
    seconds: float | None = found.get("training_seconds")
    return seconds


def _plain(cell: Cell, base: str | None, nodes: int) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(json.dumps(cell.config, default=str))
    config["trainer"] |= {
        "default_root_dir": str(cell.folder),
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    if nodes > 1:
        config["trainer"] |= {"devices": cell.processes // nodes, "num_nodes": nodes}
    _add_tracking(config["trainer"], cell)
    config["trained_base"] = base if base is not None and usable(Path(base)) else None
    return config


def _add_tracking(trainer: dict[str, Any], cell: Cell) -> None:
    logger, settings = trainer["logger"], cell.tracking.settings if cell.tracking else TrackingSettings()
    loggers = [] if logger in (None, True, False) else logger if isinstance(logger, list) else [logger]
    loggers = with_place(loggers, {"{folder}": str(cell.folder), "{cell}": cell.name})
    if settings.wandb is not None:
        loggers.append(wandb_logger(cell.folder))
    if loggers:
        trainer["logger"] = loggers
    watching = {"class_path": f"{EpochFile.__module__}.{EpochFile.__qualname__}"}
    trainer["callbacks"] = [*(trainer["callbacks"] or []), watching, *settings.callbacks()]


@contextlib.contextmanager
def output_to(log: Path) -> Any:
    """Send what libraries print to the cell's log: two workers' lines would tear the progress bar apart."""
    with log.open("a", encoding="utf-8") as stream, contextlib.redirect_stdout(stream):
        handler = logging.StreamHandler(stream)
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            with contextlib.redirect_stderr(stream), warnings.catch_warnings():
                warnings.simplefilter("default")
                yield
        finally:
            root.removeHandler(handler)

"""What a worker process does with one run: train, score, leave a completion marker."""

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
from benchmark.results.schema import REPLICATES, SCORES
from benchmark.sweep.changes import scoring_problem, training_problem
from benchmark.sweep.keys import remember_loaded
from benchmark.sweep.progress import EpochFile, Progress, forget_progress, write_progress
from benchmark.sweep.run import ERROR, MARKER, Run, marker_of, settings_of
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
    # A worker that outlived a killed sweep would write into runs that the next sweep works on.
    end_with_parent()
    from benchmark.train import cli  # noqa: F401 (all that runs need is loaded now)

    scorers()
    remember_loaded()
    torch.set_num_threads(threads)
    # Libraries stay until the end. Not looking through them makes a collection, of which each run has one, take no
    # time instead of a third of a second.
    gc.freeze()
    # Their handlers hold the terminal that the progress bar is drawn on.
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)


def execute_run(
    run: Run, base: str | None, evaluation: EvaluationSettings, *, rank: int = 0, nodes: int = 1
) -> str | None:
    """Train a run unless it is trained, score it, and mark it complete.

    Parameters
    ----------
    run
        What to do.
    base
        Checkpoint of the run's base if another run trained it.
    evaluation
        How to score.
    rank
        Which of the run's processes this is; the first one scores, all of them train.
    nodes
        How many machines they are on.

    Returns
    -------
    str or None
        A one-line error if the run failed, which is also in its folder with the traceback.
    """
    run.scores_folder.mkdir(parents=True, exist_ok=True)
    if rank == 0:
        (run.scores_folder / ERROR).unlink(missing_ok=True)
    try:
        if rank:
            with output_to(run.folder / LOG):
                _train(run, base, nodes)
        else:
            with output_to(run.folder / LOG), _tracked(run) as tracked:
                log_scores(tracked, _train_and_score(run, base, evaluation, nodes), environment())
                _log_pictures(tracked, run)
    except (Exception, SystemExit) as error:  # whatever a run dies of is recorded; the sweep goes on
        if isinstance(error, SystemExit) and error.code == REQUEUED:
            raise
        _record(run)
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    finally:
        forget_progress(run.folder)
        # Trainer and model refer to each other, and to the map of the store: each run would keep one more of it.
        gc.collect()
    return None


def _tracked(run: Run) -> AbstractContextManager[Any]:
    # Not yet the remembered environment: training will turn deterministic algorithms on.
    about = {**run.place, "run_key": run.run_key, "score_key": run.score_key, "provenance": environment.__wrapped__()}
    return wandb_run(run.tracking, run.folder, run.name, run.run_key[:16], {**about, **run.config})


def _log_pictures(tracked: Any, run: Run) -> None:
    if tracked is None:
        return
    # Here and not above: it draws, and most sweeps do without.
    from benchmark.sweep.added import log_added

    log_added(tracked, run)


def _record(run: Run) -> None:
    # One process of a run fails, and the others fail of that: the first to say why is right.
    # And a disk that is full has no room for the reason either; the sweep says it.
    with contextlib.suppress(OSError), (run.scores_folder / ERROR).open("x", encoding="utf-8") as file:
        file.write(traceback.format_exc())


def _train(run: Run, base: str | None, nodes: int) -> Path:
    from benchmark.train import cli

    embeddings = run.folder / EMBEDDINGS
    if run.state() != "rescore" or not _whole(embeddings):
        # Embeddings are written after the model: one without the other is of no use, and goes. Every process of a
        # run may say so: the first one writes embeddings when all have come to the end of the training.
        _check("training", training_problem(run))
        embeddings.unlink(missing_ok=True)
        with atomic_path(run.folder / CONFIG) as temporary:
            temporary.write_text(yaml.safe_dump(_config(run, base, nodes)), encoding="utf-8")
        cli.run(["fit", "--config", str(run.folder / CONFIG)])
    return embeddings


def _check(what: str, problem: str) -> None:
    if problem:
        # Embeddings or scores would stand under the key of what was there when the sweep began.
        raise UserError(f"the {what} is not the one that the sweep began with ({problem}); run the sweep again")


def _whole(embeddings: Path) -> bool:
    try:
        read_arrow(embeddings)
    except UserError as error:
        log.warning("%s; the run is trained again", error)
        return False
    return True


def _train_and_score(run: Run, base: str | None, evaluation: EvaluationSettings, nodes: int) -> pd.DataFrame:
    started = time.time()
    # Scored again, a run keeps the seconds that its training once took.
    rescored = run.state() == "rescore" and _whole(run.folder / EMBEDDINGS)
    earlier = _training_seconds(run) if rescored else None
    embeddings = _train(run, base, nodes)
    trained = time.time()
    write_progress(run.folder, Progress("scoring"))
    _check("scoring", scoring_problem(run))
    table = read_embeddings(embeddings)
    only = [run.held_out_site] if run.held_out_site else None
    found = score_all(table.frame, settings_of(run.config, evaluation), only)
    scores = to_frame(found)
    for name, frame in ((REPLICATES, to_replicates(found)), (SCORES, scores)):
        write_parquet(frame.assign(**run.place), run.scores_folder / name)
    if run.then is not None:
        run.then(run)
    marker = {
        **run.place,
        "run_key": run.run_key,
        "score_key": run.score_key,
        "run_parts": run.parts.__dict__,
        "score_parts": run.score_parts.__dict__,
        "notes": table.notes,
        "training_seconds": earlier if rescored else round(trained - started, 3),
        "scoring_seconds": round(time.time() - trained, 3),
        "waiting_share": waiting_share(run.folder),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "peak_gpu_memory_mib": torch.cuda.max_memory_allocated() // 2**20,
        "environment": environment(),
    }
    with atomic_path(run.scores_folder / MARKER) as temporary:
        temporary.write_text(json.dumps(marker, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for checkpoint in (run.folder / CHECKPOINTS).glob("*.ckpt"):
        checkpoint.unlink()
    return scores


def _training_seconds(run: Run) -> float | None:
    """What a trained run's training took, by its own marker or that of a run that shares it; None if unknown."""
    found = next((marker for marker in (run.marker(), marker_of(run.folder)) if marker), {})
    seconds: float | None = found.get("training_seconds")
    return seconds


def _config(run: Run, base: str | None, nodes: int) -> dict[str, Any]:
    """What `seada-bench fit` is told: the run's configuration, with its folder, its base and what watches it."""
    config: dict[str, Any] = json.loads(json.dumps(run.config, default=str))
    trainer, settings = config["trainer"], run.tracking.settings if run.tracking else TrackingSettings()
    trainer |= {"default_root_dir": str(run.folder), "enable_progress_bar": False, "enable_model_summary": False}
    if nodes > 1:
        trainer |= {"devices": run.processes // nodes, "num_nodes": nodes}
    logger = trainer["logger"]
    loggers = [] if logger in (None, True, False) else logger if isinstance(logger, list) else [logger]
    loggers = with_place(loggers, {"{folder}": str(run.folder), "{run}": run.name})
    if settings.wandb is not None:
        loggers.append(wandb_logger(run.folder))
    if loggers:
        trainer["logger"] = loggers
    watching = {"class_path": f"{EpochFile.__module__}.{EpochFile.__qualname__}"}
    trainer["callbacks"] = [*(trainer["callbacks"] or []), watching, *settings.callbacks()]
    config["trained_base"] = base if base is not None and usable(Path(base)) else None
    return config


@contextlib.contextmanager
def output_to(log: Path) -> Any:
    """Send what libraries print to the run's log: two workers' lines would tear the progress bar apart."""
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

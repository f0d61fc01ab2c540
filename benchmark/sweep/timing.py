"""A few training steps and one scoring on noise: what a method without a finished run takes on this machine."""

from __future__ import annotations

import json
import math
import os
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import Trainer
from lightning.pytorch.callbacks import LambdaCallback

from benchmark.data.atomic import atomic_path
from benchmark.metrics.evaluate import score_all
from benchmark.metrics.rows import to_frame, to_replicates
from benchmark.metrics.settings import EvaluationSettings
from benchmark.processes import environment_variables
from benchmark.sweep import worker
from benchmark.sweep.cost import MIB, SCORING_GROWTH, Cost
from benchmark.sweep.machine import THREAD_VARIABLES, Machine
from benchmark.sweep.noise import NoiseData, noise_embeddings, noise_scans
from benchmark.train.resolve import instantiate_model

#: Folder in ``data.cache_dir`` that keeps what was measured.
FOLDER = "timing"
#: Time after which no further step is begun.
STEP_BUDGET = timedelta(seconds=1.5)
#: Most voxels of a timed batch; of larger ones a part is timed.
BATCH_VOXELS = 4_000_000
#: Scans that a method without epochs is fitted to; more than LDRs have dimensions.
FITTED_SCANS = 80
#: Most scans that are scored.
SCORED_SCANS = 1000
#: Of a configuration's trainer, what the time of a step depends on.
TRAINER = ("accelerator", "precision", "deterministic", "benchmark")

#: What is to be measured: a function of this module and its arguments.
Task = tuple[Callable[..., Cost], tuple[Any, ...]]


def timings(tasks: Mapping[str, Task], machine: Machine, cache: Path, *, measure: bool) -> dict[str, Cost]:
    """Costs by the keys of their tasks, from the cache or measured now, side by side as workers would work.

    Parameters
    ----------
    tasks
        By a key that changes with all that the cost depends on.
    machine
        Number of workers, and their threads.
    cache
        The sweep's ``data.cache_dir``.
    measure
        Whether to measure what the cache lacks; if not, it is missing in the answer.
    """
    files = {key: cache / FOLDER / f"{key[:16]}.json" for key in tasks}
    found = {key: cost for key, file in files.items() if (cost := _read(file)) is not None}
    missing = [key for key in tasks if key not in found] if measure else []
    if not missing:
        return found
    # Each task in a process of its own, whose peak of memory is its own; the imports are paid once.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    started_with = ([0] if machine.gpus else [], machine.threads)
    with (
        environment_variables(**dict.fromkeys(THREAD_VARIABLES, str(machine.threads))),
        ProcessPoolExecutor(
            min(machine.workers, machine.cores), context, worker.start, started_with, max_tasks_per_child=1
        ) as pool,
    ):
        futures = {key: pool.submit(_measured, *tasks[key]) for key in missing}
        for key, future in futures.items():
            found[key] = future.result()
            if not found[key].problem:
                files[key].parent.mkdir(parents=True, exist_ok=True)
                with atomic_path(files[key]) as temporary:
                    temporary.write_text(json.dumps(asdict(found[key]), indent=1) + "\n", encoding="utf-8")
    return found


def time_method(config: dict[str, Any], sites: int) -> Cost:
    """Time a few steps, what is fitted afterwards, and the embedding of some scans, on noise of the right shape.

    Parameters
    ----------
    config
        Resolved configuration of `seada-bench fit`.
    sites
        Number of sites.

    Returns
    -------
    Cost
        Of one scan, for one epoch, with one scan in memory beside libraries and volumes; nothing of the scoring.
    """
    before = memory_mib()
    model: Any = instantiate_model(config["model"])
    model.compute = replace(model.compute, **config.get("compute", {}))
    by_epochs = getattr(model, "training_epochs_apply", True)
    most = BATCH_VOXELS // math.prod(config["data"]["preprocessing"]["shape"])
    batch = min(int(config["data"]["batch_size"]), max(most, 2))
    scans = max(4 * batch if by_epochs else FITTED_SCANS, 2 * sites)
    held = batch if by_epochs else scans
    data = NoiseData(config["data"], scans, sites, batch)
    trained: list[float] = []
    embedded: list[float] = []
    clock = LambdaCallback(
        on_train_batch_start=lambda *_: trained.append(_now()),
        on_train_end=lambda *_: trained.append(_now()),
        on_predict_batch_start=lambda *_: embedded.append(_now()),
        on_predict_end=lambda *_: embedded.append(_now()),
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            **{name: config["trainer"][name] for name in TRAINER if config["trainer"].get(name) is not None},
            devices=1,
            max_epochs=3,
            max_time=STEP_BUDGET,
            limit_train_batches=4,
            limit_predict_batches=4,
            default_root_dir=folder,
            logger=False,
            callbacks=[clock],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        trainer.fit(model, datamodule=data)
        began = _now()
        with torch.no_grad():
            model.eval()
            model.fit_after_training(data.split_dataloader("train"), data.split_dataloader("unseen"))
        fit_seconds = _now() - began
        path = Path(folder) / "model.ckpt"
        trainer.save_checkpoint(path, weights_only=True)
        trainer.predict(model, datamodule=data)
        return Cost(
            training_seconds=_typical(trained) / batch,
            embedding_seconds=_typical(embedded) / batch + fit_seconds / scans,
            memory_mib=max(memory_mib() - before, 0.0) / held,
            gpu_mib=torch.cuda.max_memory_allocated() / MIB / held,
            disk_mib=path.stat().st_size / MIB,
        )


def time_scoring(train: int, test: int, sites: int, settings: EvaluationSettings, one_site: bool) -> Cost:
    """Time one scoring of made-up LDRs.

    Parameters
    ----------
    train, test, sites
        Number of scans of the two splits, and of sites; of many scans a part is scored.
    settings
        How embeddings are scored.
    one_site
        Whether one site alone is scored, as when it was held out.

    Returns
    -------
    Cost
        Of the scoring of all scans, and of the tables that stay.
    """
    before, share = memory_mib(), min(SCORED_SCANS / (train + test), 1.0)
    scans = noise_scans(max(round(train * share), 2 * sites), max(round(test * share), 2 * sites), sites)
    only = [str(scans["site"].iloc[0])] if one_site else None
    embeddings = noise_embeddings(scans)
    # Compiled code is made or loaded once, not once a run.
    score_all(noise_embeddings(noise_scans(4 * sites, 4 * sites, sites)), settings, only)
    began = _now()
    found = score_all(embeddings, settings, only)
    seconds = _now() - began
    stays = (embeddings, to_frame(found), to_replicates(found))
    disk = sum(len(frame.to_parquet(index=False)) for frame in stays) / MIB
    more = (train + test) / len(scans)
    memory = more * (memory_mib() - before)
    return Cost(scoring_seconds=seconds * more**SCORING_GROWTH, memory_mib=memory, disk_mib=more * disk)


def memory_mib() -> float:
    """Largest memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _now() -> float:
    """Seconds; of CPU time where a step takes nothing else, which others' work on the machine does not lengthen."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    elif torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def _typical(times: list[float]) -> float:
    """Seconds between two of the times: the lower quartile, for the first step and others' work make some late."""
    return float(np.quantile(np.diff(times), 0.25)) if len(times) > 1 else 0.0


def _measured(task: Callable[..., Cost], arguments: tuple[Any, ...]) -> Cost:
    with worker.output_to(Path(os.devnull)):
        try:
            return task(*arguments)
        except Exception as error:  # noqa: BLE001 (whatever a method dies of on noise, the plan says it and goes on)
            return Cost(problem=f"{type(error).__name__}: {' '.join(str(error).split())}")


def _read(file: Path) -> Cost | None:
    try:
        return Cost(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None

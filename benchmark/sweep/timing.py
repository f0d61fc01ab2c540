"""A few training steps and one scoring on noise: what a method without a finished run takes on this machine."""

from __future__ import annotations

import io
import itertools
import json
import math
import os
import resource
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning import Callback, LightningModule, Trainer

from benchmark.data.atomic import atomic_path
from benchmark.metrics.evaluate import score_all
from benchmark.metrics.rows import to_frame, to_replicates
from benchmark.metrics.settings import EvaluationSettings
from benchmark.processes import environment_variables
from benchmark.sweep import worker
from benchmark.sweep.machine import THREAD_VARIABLES, Machine
from benchmark.sweep.noise import NoiseData, noise_embeddings, noise_scans
from benchmark.train.resolve import instantiate_model

MIB = 2.0**20
#: Folder in ``data.cache_dir`` that keeps what was measured.
FOLDER = "timing"
#: Seconds after which no further step is begun.
STEP_BUDGET = 1.5
#: Most voxels of a timed batch; of larger ones a part is timed.
BATCH_VOXELS = 4_000_000
#: Scans that a method without epochs is fitted to; more than LDRs have dimensions.
FITTED_SCANS = 80
#: Most scans that are scored. Ranking grows with the square of their number, probes about in proportion.
SCORED_SCANS, SCORING_GROWTH = 1000, 1.5
#: Of a configuration's trainer, what the time of a step depends on.
TRAINER = ("accelerator", "precision", "deterministic", "benchmark")


@dataclass(frozen=True)
class Timing:
    """What was measured in a process of its own.

    Attributes
    ----------
    step_seconds
        Of a training step with ``batch`` scans; 0 for a method without epochs, and of a scoring.
    batch
        Scans of the timed batch.
    fit_seconds
        Of what is fitted after the epochs to ``fitted`` scans; of a scoring of ``fitted`` scans all of it.
    fitted
        Number of those scans.
    scan_seconds
        Of embedding one scan.
    fixed_seconds
        What a run takes once.
    memory_mib, gpu_mib
        Peak beside what the libraries take.
    disk_mib
        Size of the model, or of embeddings, scores and replicates.
    epochs
        Whether the method trains by epochs: then memory follows the batch, else the training scans.
    problem
        Why it could not be measured; empty if it could.
    """

    step_seconds: float = 0.0
    batch: int = 1
    fit_seconds: float = 0.0
    fitted: int = 1
    scan_seconds: float = 0.0
    fixed_seconds: float = 0.0
    memory_mib: float = 0.0
    gpu_mib: float = 0.0
    disk_mib: float = 0.0
    epochs: bool = False
    problem: str = ""


#: What is to be measured: a function of this module and its arguments.
Task = tuple[Callable[..., Timing], tuple[Any, ...]]


def timings(tasks: Mapping[str, Task], machine: Machine, cache: Path, *, measure: bool) -> dict[str, Timing]:
    """Timings by the keys of their tasks, from the cache or measured now, side by side as workers would work.

    Parameters
    ----------
    tasks
        By a key that changes with all that the time depends on.
    machine
        Number of workers, and their threads.
    cache
        The sweep's ``data.cache_dir``.
    measure
        Whether to measure what the cache lacks; if not, it is missing in the answer.
    """
    found = {key: timing for key in tasks if (timing := _read(cache / FOLDER, key)) is not None}
    missing = {key: task for key, task in tasks.items() if key not in found} if measure else {}
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
        futures = {key: pool.submit(_measured, *task) for key, task in missing.items()}
        for key, future in futures.items():
            found[key] = future.result()
            if not found[key].problem:
                _write(cache / FOLDER, key, found[key])
    return found


def time_method(config: dict[str, Any], sites: int) -> Timing:
    """Time a few steps, what is fitted afterwards, and the embedding of some scans, on noise of the right shape.

    Parameters
    ----------
    config
        Resolved configuration of `seada-bench fit`.
    sites
        Number of sites.
    """
    before = memory_mib()
    model: Any = instantiate_model(config["model"])
    model.compute = replace(model.compute, **config.get("compute", {}))
    epochs = bool(getattr(model, "training_epochs_apply", True))
    most = BATCH_VOXELS // math.prod(config["data"]["preprocessing"]["shape"])
    batch = min(int(config["data"]["batch_size"]), max(most, 2))
    scans = max(4 * batch if epochs else FITTED_SCANS, 2 * sites)
    data, steps = NoiseData(config["data"], scans, sites, batch), Steps()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            **{name: config["trainer"][name] for name in TRAINER if config["trainer"].get(name) is not None},
            devices=1,
            max_epochs=3,
            limit_train_batches=4,
            limit_predict_batches=4,
            default_root_dir=folder,
            logger=False,
            callbacks=[steps],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        began = _now()
        trainer.fit(model, datamodule=data)
        fitted = _now()
        with torch.no_grad():
            model.eval()
            model.fit_after_training(data.split_dataloader("train"), data.split_dataloader("unseen"))
        finished = _now()
        path = Path(folder) / "model.ckpt"
        trainer.save_checkpoint(path, weights_only=True)
        trainer.predict(model, datamodule=data)
        return Timing(
            step_seconds=_typical(steps.trained),
            batch=batch,
            fit_seconds=finished - fitted,
            fitted=scans,
            scan_seconds=_typical(steps.embedded) / batch,
            fixed_seconds=fitted - began - (steps.trained[-1] - steps.trained[0] if steps.trained else 0.0),
            memory_mib=max(memory_mib() - before, 0.0),
            gpu_mib=torch.cuda.max_memory_allocated() / MIB,
            disk_mib=path.stat().st_size / MIB,
            epochs=epochs,
        )


def time_scoring(train: int, test: int, sites: int, settings: EvaluationSettings, one_site: bool) -> Timing:
    """Time one scoring of made-up LDRs.

    Parameters
    ----------
    train, test, sites
        Number of scans of the two splits, and of sites; of many scans a part is scored.
    settings
        How embeddings are scored.
    one_site
        Whether one site alone is scored, as when it was held out.
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
    disk = sum(_parquet_mib(frame) for frame in (embeddings, to_frame(found), to_replicates(found)))
    return Timing(fit_seconds=seconds, fitted=len(scans), memory_mib=memory_mib() - before, disk_mib=disk)


class Steps(Callback):
    """When the steps of a training, and the batches of an embedding, begin."""

    def __init__(self) -> None:
        self.trained: list[float] = []
        self.embedded: list[float] = []

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Lightning hook: a step more; the last one where the budget is spent."""
        self.trained.append(_now())
        if self.trained[-1] - self.trained[0] > STEP_BUDGET:
            trainer.should_stop = True

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: the last step is over."""
        self.trained += [_now()] if self.trained else []

    def on_predict_batch_start(self, *_: Any, **__: Any) -> None:
        """Lightning hook: a batch more."""
        self.embedded.append(_now())

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: the last batch is over."""
        self.embedded.append(_now())


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
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times))
    return gaps[len(gaps) // 4] if gaps else 0.0


def _measured(task: Callable[..., Timing], arguments: tuple[Any, ...]) -> Timing:
    with worker.output_to(Path(os.devnull)):
        try:
            return task(*arguments)
        except Exception as error:  # noqa: BLE001 (whatever a method dies of on noise, the plan says it and goes on)
            return Timing(problem=f"{type(error).__name__}: {' '.join(str(error).split())}")


def _parquet_mib(frame: pd.DataFrame) -> float:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.tell() / MIB


def _read(cache: Path, key: str) -> Timing | None:
    try:
        return Timing(**json.loads((cache / f"{key[:16]}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write(cache: Path, key: str, timing: Timing) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    with atomic_path(cache / f"{key[:16]}.json") as temporary:
        temporary.write_text(json.dumps(asdict(timing), indent=1) + "\n", encoding="utf-8")

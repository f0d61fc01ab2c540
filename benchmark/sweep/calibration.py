"""A few steps of a method on noise: what its training costs on the machine at hand."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger

from benchmark.sweep import worker as _worker  # noqa: F401 (a worker's memory has all of it)
from benchmark.sweep.memory import available_mib, memory_mib
from benchmark.sweep.synthetic import SyntheticData
from benchmark.sweep.timing import STEP_BUDGET, Steps, clock
from benchmark.train.resolve import instantiate_model

#: Voxels of a batch, and seconds of a step, beyond which a smaller batch is timed.
BATCH_VOXELS = 4_000_000
#: Scans of the batch that is tried first.
SMALL = 2
#: Scans that a method without epochs is fitted to, and voxels of them all together that are enough.
FITTED_SCANS = 80
FITTED_VOXELS = 20_000_000
MIB = 2.0**20


@dataclass(frozen=True)
class MethodCost:
    """What a method costs on one worker of this machine.

    Attributes
    ----------
    step_seconds
        A step of the configuration's batch, with loading; 0 for a method without epochs.
    epoch_seconds
        What an epoch costs beside its steps.
    scan_seconds
        Embedding one scan, with the quality of its reconstruction.
    after_seconds
        What is fitted after training, for each training scan.
    fixed_seconds
        Everything that a cell costs once.
    memory_mib, memory_per_scan_mib, memory_per_training_scan_mib
        Memory of the process beside that of its libraries: whatever the batch, for each scan of a batch, for each
        training scan.
    gpu_mib, gpu_per_scan_mib
        Memory of the GPU likewise.
    checkpoint_mib, resume_mib
        Size of the model that stays, and of the checkpoint to go on from.
    accumulates
        Whether Lightning can accumulate its gradients over batches.
    busy
        Wall time of the steps over the CPU time that they took: above 1 where others use the machine; 1 where that
        cannot be told (several threads, a GPU).
    problem
        Why it could not be timed; empty if it could.
    """

    step_seconds: float = 0.0
    epoch_seconds: float = 0.0
    scan_seconds: float = 0.0
    after_seconds: float = 0.0
    fixed_seconds: float = 0.0
    memory_mib: float = 0.0
    memory_per_scan_mib: float = 0.0
    memory_per_training_scan_mib: float = 0.0
    gpu_mib: float = 0.0
    gpu_per_scan_mib: float = 0.0
    checkpoint_mib: float = 0.0
    resume_mib: float = 0.0
    accumulates: bool = True
    busy: float = 1.0
    problem: str = ""


def measure_method(config: dict[str, Any], sites: int) -> dict[str, Any]:
    """Fields of the :class:`MethodCost` of a resolved configuration, measured in this process.

    Parameters
    ----------
    config
        Resolved configuration of `seada-bench fit`.
    sites
        Number of sites.
    """
    with quiet():
        try:
            return asdict(_method(config, sites))
        except Exception as error:  # noqa: BLE001 (whatever a method dies of on noise, the plan says it and goes on)
            return asdict(MethodCost(problem=f"{type(error).__name__}: {' '.join(str(error).split())}"))


def _method(config: dict[str, Any], sites: int) -> MethodCost:
    began = clock()
    model = instantiate_model(config["model"])
    shape = tuple(config["data"]["preprocessing"]["shape"])
    if not getattr(model, "training_epochs_apply", True):
        return _closed(config, sites, shape)
    batch = int(config["data"]["batch_size"])
    small = _trained(config, sites, shape, min(batch, SMALL))
    fits = (
        small.memory_per_scan_mib * batch < 0.6 * available_mib()
        and math.prod(shape) * batch <= BATCH_VOXELS
        and small.step_seconds < STEP_BUDGET
    )
    found = small if batch <= SMALL or not fits else _trained(config, sites, shape, batch, small)
    spent = clock() - began
    return replace(found, fixed_seconds=min(found.fixed_seconds, spent))


def _trained(
    config: dict[str, Any], sites: int, shape: Any, batch: int, smaller: MethodCost | None = None
) -> MethodCost:
    """Cost, timed with a batch of this size and scaled to the configuration's."""
    wanted, model = int(config["data"]["batch_size"]), instantiate_model(config["model"])
    before = memory_mib()
    data = SyntheticData(config["data"] | {"batch_size": batch}, max(4 * batch, 2 * sites), sites, shape)
    steps = Steps()
    cuda = torch.cuda.is_available() and config["trainer"]["accelerator"] in ("auto", "gpu", "cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(config["trainer"], Path(folder), [steps, _checkpoint(folder)])
        began = clock()
        trainer.fit(model, datamodule=data)
        fitted = clock() - began - sum(epoch[-1] - epoch[0] + steps.step for epoch in steps.begun if epoch)
        resume = _size(next(Path(folder).glob("*.ckpt"), None))
        after, scan, once, kept = _finished(model, trainer, data, Path(folder), steps)
    peak = max(memory_mib() - before, 0.0)
    # The peak only ever rises: of a second, larger batch it shows what the first had not. That first one also paid
    # for what libraries take when they are used at all.
    per_scan = peak / (batch - SMALL) if smaller else peak / batch
    whatever = max(SMALL * (smaller.memory_per_scan_mib - per_scan), 0.0) if smaller else 0.0
    gpu = torch.cuda.max_memory_allocated() / MIB if cuda else 0.0
    return MethodCost(
        step_seconds=steps.step * wanted / batch,
        epoch_seconds=steps.between_epochs,
        scan_seconds=scan,
        after_seconds=after,
        fixed_seconds=max(fitted - 2 * steps.between_epochs, 0.0) + once,
        memory_mib=whatever,
        memory_per_scan_mib=per_scan,
        gpu_mib=gpu,
        gpu_per_scan_mib=gpu / batch,
        checkpoint_mib=kept,
        resume_mib=resume,
        accumulates=bool(model.automatic_optimization),
        busy=steps.busy,
    )


def _closed(config: dict[str, Any], sites: int, shape: Any) -> MethodCost:
    """Cost of a method without epochs: fitted to few scans and to more, on a coarser grid, scaled to the voxels."""
    many = max(FITTED_SCANS, 2 * sites)
    factor = max(math.ceil((many * math.prod(shape) / FITTED_VOXELS) ** (1 / 3)), 1)
    coarse = tuple(max(size // factor, 8) for size in shape)
    scale = math.prod(shape) / math.prod(coarse)
    few, peak = _fitted(config, sites, coarse, many // 2), memory_mib()
    found = _fitted(config, sites, coarse, many)
    # What libraries take when they are used at all, in time and memory, was paid with the few.
    slope = (found.after_seconds * many - few.after_seconds * (many // 2)) / (many - many // 2)
    return replace(
        found,
        scan_seconds=found.scan_seconds * scale,
        after_seconds=max(slope, 0.0) * scale,
        memory_per_training_scan_mib=scale * max(memory_mib() - peak, 0.0) / (many - many // 2),
        checkpoint_mib=found.checkpoint_mib * (scale if found.checkpoint_mib > 1 else 1),
    )


def _fitted(config: dict[str, Any], sites: int, shape: tuple[int, ...], scans: int) -> MethodCost:
    data, model, steps = SyntheticData(config["data"], scans, sites, shape), instantiate_model(config["model"]), Steps()
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(config["trainer"], Path(folder), [steps])
        began = clock()
        trainer.fit(model, datamodule=data)
        fitted = clock() - began
        after, scan, once, kept = _finished(model, trainer, data, Path(folder), steps)
    return MethodCost(scan_seconds=scan, after_seconds=after, fixed_seconds=fitted + once, checkpoint_mib=kept)


def _finished(
    model: Any, trainer: Trainer, data: SyntheticData, folder: Path, steps: Steps
) -> tuple[float, float, float, float]:
    """Seconds a training scan of fitting afterwards, seconds a scan of embedding, seconds once, MiB of the model."""
    began = clock()
    with torch.no_grad():
        model.eval()
        model.fit_after_training(data.split_dataloader("train"), data.split_dataloader("unseen"))
    after = (clock() - began) / len(data.scans)
    began = clock()
    trainer.save_checkpoint(folder / "model.ckpt", weights_only=True)
    kept = _size(folder / "model.ckpt")
    trainer.predict(model, datamodule=data)
    # The first batch warms up.
    embedding = sorted(steps.embedding[1:] or steps.embedding)[len(steps.embedding[1:]) // 4]
    once = clock() - began - sum(steps.embedding)
    return after, embedding / data.batch_size, once, kept


def _trainer(config: dict[str, Any], folder: Path, callbacks: list[Callback]) -> Trainer:
    kept = ("accelerator", "precision", "deterministic", "benchmark", "accumulate_grad_batches")
    return Trainer(
        **{name: config[name] for name in kept if config.get(name) is not None},
        devices=1,
        max_epochs=3,
        limit_train_batches=4,
        default_root_dir=folder,
        logger=CSVLogger(folder, name="logs", version=""),
        callbacks=callbacks,
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
    )


def _checkpoint(folder: str) -> ModelCheckpoint:
    return ModelCheckpoint(folder, "last", every_n_epochs=2, save_on_train_epoch_end=True, enable_version_counter=False)


def _size(path: Path | None) -> float:
    return path.stat().st_size / MIB if path is not None and path.is_file() else 0.0


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what libraries print out of a plan."""
    names = ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero")
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield

"""A training with a trainer of Lightning's, and what it leaves in its folder: one code for the command and Python."""

from __future__ import annotations

import logging
from dataclasses import asdict, is_dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import ArgumentParser
from lightning import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.plugins.io import TorchCheckpointIO

from benchmark.configs import DEFAULTS
from benchmark.data.atomic import atomic_path
from benchmark.data.datamodule import SiteDataModule
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.methods.harmoniser import Harmoniser
from benchmark.methods.representation import RepresentationModule
from benchmark.train.checkpoints import AtomicCheckpointIO, usable
from benchmark.train.gather import save_embeddings
from benchmark.train.run_folder import CHECKPOINTS, CONFIG, EMBEDDINGS, LAST, MODEL
from benchmark.train.tracking.loggers import with_csv
from benchmark.train.tracking.waiting import WaitingForData

log = logging.getLogger(__name__)


def fit(
    model: RepresentationModule,
    data: SiteDataModule,
    trainer: Trainer | None = None,
    out: str | Path | None = None,
    seed: int = 1,
) -> Path:
    """Train a method as ``seada-bench fit`` does, and leave what it leaves.

    Parameters
    ----------
    model
        The method, untrained. Every setting of its constructor is an attribute of the same name.
    data
        Scans and splits.
    trainer
        Any trainer that has not been used; by default that of ``benchmark/configs/defaults.yaml``. Lightning's own
        default log and checkpoints, where it has them, are replaced by those of the command.
    out
        Folder of the run; the trainer's ``default_root_dir`` by default.
    seed
        What ``seed_everything`` is called with at the beginning.

    Returns
    -------
    Path
        The folder, with ``config.yaml``, ``model.ckpt``, ``embeddings.parquet``, ``checkpoints`` and ``logs``. A
        training that was killed goes on from its last checkpoint.

    Raises
    ------
    UserError
        If the folder cannot be written or holds embeddings, the trainer has been used, or a setting is no attribute.
    """
    root = Path(out or (trainer.default_root_dir if trainer else "."))
    make_ready(root, "out")
    described = {"model": _described(model), "data": _described(data)["init_args"]}
    seed_everything(seed, workers=True, verbose=False)
    trainer = trainer or _default_trainer()
    _adopt(trainer, model, root)
    of_trainer = {name: getattr(trainer, name) for name in ("max_epochs", "max_steps", "limit_train_batches")}
    of_trainer |= {"precision": trainer.precision, "default_root_dir": str(root)}
    config = {"seed_everything": seed, "trainer": of_trainer, **described, "compute": asdict(model.compute)}
    try:
        train(trainer, model, data, yaml.safe_dump(config, sort_keys=False))
    finally:
        leave_group()
    return root


def make_ready(root: Path, option: str) -> None:
    """Make the folder of a run, which must not hold the embeddings of an earlier one.

    Raises
    ------
    UserError
        If it does, or cannot be written; ``option`` is what the user calls the folder.
    """
    make_writable(root, option)
    if (root / EMBEDDINGS).exists():
        raise UserError(
            f"{option}: {root} already holds the {EMBEDDINGS} of an earlier run; "
            "name another folder or remove that file"
        )


def keep_in_folder(trainer: Trainer, root: Path) -> None:
    """Let a trainer write checkpoints whole, and into the run's folder where it was not told where."""
    if isinstance(trainer.strategy.checkpoint_io, TorchCheckpointIO):
        trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.dirpath is None:
                callback.dirpath = str(root / CHECKPOINTS)


def train(trainer: Trainer, model: LightningModule, data: SiteDataModule, config: str, **options: Any) -> None:
    """Train, or go on where an earlier process was killed; fit what is fitted once; write model and embeddings.

    Parameters
    ----------
    trainer, model, data
        Ready to be used; the run's folder is the trainer's ``default_root_dir``.
    config
        Text of ``config.yaml``.
    **options
        Of ``Trainer.fit``.
    """
    root = Path(trainer.default_root_dir)
    if trainer.is_global_zero:
        with atomic_path(root / CONFIG) as temporary:
            temporary.write_text(config, encoding="utf-8")
    if options.get("ckpt_path") is None:
        options["ckpt_path"] = _last_checkpoint(root)
    callbacks: list[Any] = trainer.callbacks  # type: ignore[attr-defined]
    callbacks.append(WaitingForData())
    trainer.fit(model, datamodule=data, **options)
    method: Any = model
    with torch.no_grad():
        method.eval()
        method.use_average()
        method.fit_after_training(data.split_dataloader("train"), data.split_dataloader("unseen"))
    trainer.save_checkpoint(root / MODEL, weights_only=True)
    predictions = trainer.predict(model, datamodule=data)
    save_embeddings(trainer, model, data, predictions, root / EMBEDDINGS)


def leave_group() -> None:
    """End the group of DDP processes: without it, CPU processes sometimes abort on their way out."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _last_checkpoint(root: Path) -> str | None:
    last = root / CHECKPOINTS / LAST
    if not usable(last):
        return None
    log.info("resuming from %s", last)
    return str(last)


def _default_trainer() -> Trainer:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Trainer, "trainer")
    shared = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["trainer"]
    trainer: Trainer = parser.instantiate(parser.parse_object({"trainer": shared})).trainer
    return trainer


def _adopt(trainer: Trainer, model: RepresentationModule, root: Path) -> None:
    """Give a user's trainer the run's folder, its log and its checkpoints, and what the datamodule expects of it."""
    internals: Any = trainer
    if trainer.state.fn is not None:
        raise UserError("trainer: it has been used already; make a new one for every training")
    asked = {trainer.accumulate_grad_batches, model.compute.accumulate}
    if len(asked - {1}) > 1:
        raise UserError(f"trainer: accumulate_grad_batches is not the method's compute.accumulate ({sorted(asked)})")
    model.compute = replace(model.compute, accumulate=max(asked))
    trainer.accumulate_grad_batches = max(asked) if model.automatic_optimization else 1
    # Lightning has no setter for these two. Its own sampler would pad, and scans would be embedded twice.
    internals._default_root_dir = str(root)
    internals._accelerator_connector.use_distributed_sampler = False
    if trainer.loggers:
        trainer.loggers = with_csv([logger for logger in trainer.loggers if not _is_default(logger)], root)
    for number, callback in enumerate(internals.callbacks):
        if isinstance(callback, ModelCheckpoint) and callback.dirpath is None and callback.filename is None:
            internals.callbacks[number] = _default_trainer().checkpoint_callback
    keep_in_folder(trainer, root)


def _is_default(logger: Any) -> bool:
    return isinstance(logger, (CSVLogger, TensorBoardLogger)) and logger.name == "lightning_logs"


def _described(thing: Any) -> dict[str, Any]:
    """Class path and settings, each of which is an attribute of its name, as a configuration has them."""
    kind, settings = type(thing), {}
    for name in signature(kind).parameters:
        if not hasattr(thing, name):
            raise UserError(
                f"{kind.__name__}: its setting '{name}' is no attribute of it, so config.yaml cannot state it; "
                f"write self.{name} = {name} in __init__"
            )
        settings[name] = _plain(getattr(thing, name))
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": settings}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    # A transform of torchio's does not keep what it was made with: its description is for people.
    return _described(value) if isinstance(value, (torch.nn.Module, Harmoniser)) else str(value)

"""`seada-bench fit`: LightningCLI, plus what every method does after its epochs and what a run leaves behind."""

from __future__ import annotations

import json
import logging
import os
import pickle
import re
import warnings
from argparse import ArgumentError
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jsonargparse import ArgumentParser
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.plugins.io import TorchCheckpointIO
from numpy.typing import NDArray

from benchmark.card import MethodCard
from benchmark.checkpoints import usable
from benchmark.configs import DEFAULTS
from benchmark.data.atomic import atomic_path
from benchmark.data.datamodule import SiteDataModule
from benchmark.embeddings.table import write_embeddings
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.metrics.settings import Distance
from benchmark.parsing import in_one_line
from benchmark.tracking.loggers import check_packages, wandb_offline_without_key, with_csv
from benchmark.tracking.waiting import WaitingForData

log = logging.getLogger(__name__)

#: Options of how a training is computed: name, type, default, help.
COMPUTE: tuple[tuple[str, type, Any, str], ...] = (
    ("accumulate", int, 1, "Batches whose gradients make one step."),
    ("checkpoint_activations", bool, False, "Compute activations again in the backward pass, to save memory."),
    ("compile", bool, False, "Compile encoder and decoder with torch.compile."),
    ("channels_last", bool, False, "Keep convolutions' channels last in memory."),
)

EMBEDDINGS = "embeddings.parquet"
MODEL = "model.ckpt"

#: Columns of the quality of a method's reconstructions, in the order in which it gives them.
QUALITY_COLUMNS = ("rec_rmse", "rec_psnr", "rec_ssim")
CHECKPOINTS = "checkpoints"
LAST = "last.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints under a temporary name first: a killed run never leaves half a file to resume from."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write, then rename."""
        with atomic_path(Path(path)) as temporary:
            super().save_checkpoint(checkpoint, temporary, storage_options)

    def load_checkpoint(
        self,
        path: str | os.PathLike[str],
        map_location: Any | None = lambda storage, _: storage,
        weights_only: bool | None = True,
    ) -> dict[str, Any]:
        """Load tensors and plain values, whatever ``weights_only`` says: anything else in a checkpoint is code to run.

        Raises
        ------
        UserError
            For a file that cannot be read, or that holds anything else.
        """
        try:
            loaded: dict[str, Any] = super().load_checkpoint(Path(path), map_location, weights_only=True)
        except pickle.UnpicklingError as error:
            found = re.search(r"(?:GLOBAL|Unsupported \w+) (\S+)", str(error))
            what = f" ({found[1]})" if found else ""
            raise UserError(
                f"{path}: holds more than tensors and plain values{what}, and is not loaded, as that could run code"
            ) from error
        return loaded


class FitCLI(LightningCLI):
    """LightningCLI over any LightningModule with `embed`, and the one datamodule that all share.

    After `fit` the folder `trainer.default_root_dir` holds `embeddings.parquet`, `model.ckpt` and the logs.
    """

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Options of the sweep: a base that was trained before, and the distance that a method declares."""
        parser.add_argument(
            "--trained_base",
            type=str | None,
            default=None,
            help="Checkpoint of the model's base (model.init_args.base), trained with the same settings; "
            "it is then not trained again.",
        )
        parser.add_argument(
            "--own_distance",
            type=Distance | None,
            default=None,
            help="Distance that the method declares as its own. Training knows nothing of it; a sweep scores it beside "
            "the common ones, and the tables show it for this method.",
        )
        parser.add_argument(
            "--card",
            type=MethodCard | None,
            default=None,
            help="What the tables tell of the method: how its settings were chosen, what its augmentations imitate.",
        )

        for name, kind, default, text in COMPUTE:
            parser.add_argument(f"--compute.{name}", type=kind, default=default, help=text)

    def instantiate_classes(self) -> None:
        """Model, data and trainer, once it is clear that loggers can be made; the model is told how it is computed."""
        logger = self._get(self.config, "trainer.logger")
        check_packages(logger)
        wandb_offline_without_key(logger)
        try:
            super().instantiate_classes()
        except UserError:
            raise
        except ValueError as error:
            raise UserError(in_one_line(str(error))) from error
        self.model.compute = replace(self.model.compute, **self._compute())

    def _compute(self) -> dict[str, Any]:
        return {name: self._get(self.config, f"compute.{name}") for name, *_ in COMPUTE}

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Trainer with a CSV log, atomic checkpoints and resumption, all in `trainer.default_root_dir`."""
        config = self._get(self.config_init, "trainer")
        root = Path(config["default_root_dir"] or ".")
        make_writable(root, "trainer.default_root_dir")
        if self.subcommand in ("fit", "predict") and (root / EMBEDDINGS).exists():
            raise UserError(
                f"trainer.default_root_dir: {root} already holds the {EMBEDDINGS} of an earlier run; "
                "name another folder or remove that file"
            )
        kwargs["logger"] = with_csv(config["logger"], root)
        if self.model.automatic_optimization:
            kwargs.setdefault("accumulate_grad_batches", self._compute()["accumulate"])
        trainer = super().instantiate_trainer(**kwargs)
        if self.subcommand == "fit":
            trainer.callbacks.append(WaitingForData())  # type: ignore[attr-defined]
        if not any(isinstance(plugin, TorchCheckpointIO) for plugin in [trainer.strategy.checkpoint_io]):
            return trainer
        trainer.strategy.checkpoint_io = AtomicCheckpointIO()
        for callback in trainer.checkpoint_callbacks:
            if isinstance(callback, ModelCheckpoint) and callback.dirpath is None:
                callback.dirpath = str(root / CHECKPOINTS)
        return trainer

    def before_fit(self) -> None:
        """Take over a trained base, or go on from the last checkpoint of a run that was interrupted."""
        config = self._get(self.config, "trained_base")
        if config is not None:
            self.model.use_trained_base(config)
        last = Path(self.trainer.default_root_dir) / CHECKPOINTS / LAST
        if self._get(self.config, "ckpt_path") is None:
            fine, problem = usable(last)
            if problem:
                log.warning("%s cannot be used (%s): the run begins anew, the file is kept as .damaged", last, problem)
            if fine:
                log.info("resuming from %s", last)
                # Not `config`: what the trainer is called with has been instantiated already.
                self.config_init["fit"]["ckpt_path"] = str(last)

    def after_fit(self) -> None:
        """Fit what is fitted once, save the model, embed every scan, and write the embeddings."""
        data = self.datamodule
        with torch.no_grad():
            self.model.eval()
            self.model.use_average()
            self.model.fit_after_training(data.split_dataloader("train"), data.split_dataloader("unseen"))
        root = Path(self.trainer.default_root_dir)
        self.trainer.save_checkpoint(root / MODEL, weights_only=True)
        predictions = self.trainer.predict(self.model, datamodule=data)
        save_embeddings(self.trainer, self.model, data, predictions, root / EMBEDDINGS)

    def after_predict(self) -> None:
        """Write the embeddings of a model that was loaded."""
        root = Path(self.trainer.default_root_dir)
        predictions = self.trainer.predict_loop.predictions
        save_embeddings(self.trainer, self.model, self.datamodule, predictions, root / EMBEDDINGS)


def save_embeddings(
    trainer: Trainer, model: LightningModule, data: SiteDataModule, predictions: Any, path: Path
) -> None:
    """Gather the ranks' predictions by scan and write them once.

    Raises
    ------
    RuntimeError
        If the scans that were embedded are not exactly the scans of the manifests.
    """
    mine = _joined(predictions or [])
    shards = [mine]
    if trainer.world_size > 1:
        gathered: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(gathered, mine)
        shards = gathered
    if not trainer.is_global_zero:
        return
    shards = [shard for shard in shards if shard]
    order = np.concatenate([shard["index"] for shard in shards] or [np.zeros(0, np.int64)])
    if not np.array_equal(np.sort(order), np.arange(len(data.scans))):
        raise RuntimeError(f"{len(order)} embeddings for {len(data.scans)} scans: every scan is due exactly once")
    by_row = np.argsort(order)
    arrays = {
        name: np.concatenate([shard[name] for shard in shards])[by_row].astype(np.float32)
        for name in shards[0]
        if name != "index"
    }
    columns = ["subject_id", "session_id", "site", "diagnosis", "age", "sex", "split"]
    extra = [column for column in ("travelling",) if column in data.scans]
    table = pd.concat([data.scans[columns + extra], *_columns(arrays, data)], axis=1)
    write_embeddings(table, path, model.notes())  # type: ignore[operator]


def _joined(predictions: list[Any]) -> dict[str, NDArray[Any]]:
    names = predictions[0] if predictions else []
    return {name: np.concatenate([batch[name].numpy() for batch in predictions]) for name in names}


def _columns(arrays: dict[str, NDArray[np.float32]], data: SiteDataModule) -> list[pd.DataFrame]:
    """Tables of what else is known of every scan, in the order of the scans: the LDR comes last."""
    index = data.scans.index
    tables = []
    anatomy = data.true_anatomy()
    if anatomy is not None:
        tables.append(anatomy)
    if "quality" in arrays:
        tables.append(pd.DataFrame(arrays["quality"], index, columns=list(QUALITY_COLUMNS)))
    if data.outline is not None:
        arrays = {**arrays, "mask": data.outline.components}
    for name, letter in (("mask", "m"), ("common", "c"), ("style", "s"), ("ldr", "z")):
        if name in arrays:
            names = [f"{letter}{i}" for i in range(arrays[name].shape[1])]
            tables.append(pd.DataFrame(arrays[name], index, columns=names))
    return tables


class _ResolveCLI(FitCLI):
    """Parses and validates as `fit` does, and stops there."""

    def instantiate_classes(self) -> None:
        """Nothing is created, but what could not be is said now and not in every cell of a sweep."""
        check_packages(self._get(self.config, "trainer.logger"))

    def _run_subcommand(self, subcommand: str) -> None:
        """Nothing is run."""


def _cli(kind: type[FitCLI], args: list[str]) -> FitCLI:
    with warnings.catch_warnings():
        # Lightning warns of arguments that are given beside sys.argv; here that is the point.
        warnings.filterwarnings("ignore", "LightningCLI's args parameter")
        of_subcommand = {"default_config_files": [str(DEFAULTS)], "exit_on_error": False}
        try:
            return kind(
                LightningModule,
                SiteDataModule,
                subclass_mode_model=True,
                save_config_callback=None,
                parser_kwargs={"exit_on_error": False, "fit": of_subcommand, "predict": of_subcommand},
                args=args,
            )
        except ArgumentError as error:
            raise UserError(f"{in_one_line(str(error))} ('seada-bench {args[0]} --help' lists the options)") from error


def run(args: list[str]) -> None:
    """Run a LightningCLI subcommand (`fit`, `validate`, `test`, `predict`) as from the command line.

    Parameters
    ----------
    args
        Arguments after the program's name.
    """
    try:
        _cli(FitCLI, args)
    finally:
        # Without it, CPU processes of a finished DDP run sometimes abort on their way out.
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def resolve(method: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """Resolved configuration of `fit` for a method's YAML file and options given over it.

    Parameters
    ----------
    method
        YAML file of a method.
    overrides
        Option name without dashes to value, such as ``{"trainer.max_epochs": 10}``.
    """
    # A quoted string would keep its quotes where the option may also be something else than a string.
    options = [f"--{name}={v if isinstance(v, str) else json.dumps(v)}" for name, v in overrides.items()]
    with _quiet_lightning():
        cli = _cli(_ResolveCLI, ["fit", "--config", str(method), *options])
    config: dict[str, Any] = cli.config["fit"].as_dict()
    config.pop("config", None)
    return config


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    logger = logging.getLogger("lightning.fabric")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def instantiate_data(config: dict[str, Any]) -> SiteDataModule:
    """Datamodule of the ``data`` section of a resolved configuration."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(SiteDataModule, "data")
    module: SiteDataModule = parser.instantiate(parser.parse_object({"data": config})).data
    return module

"""`seada-bench fit`: LightningCLI, plus what every method does after its epochs and what a run leaves behind."""

from __future__ import annotations

import warnings
from argparse import ArgumentError
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from benchmark.configs import DEFAULTS
from benchmark.data.datamodule import SiteDataModule
from benchmark.errors import UserError
from benchmark.methods.card import MethodCard
from benchmark.methods.compute import Compute
from benchmark.metrics.settings import Distance
from benchmark.parsing import in_one_line
from benchmark.train.config_errors import config_files, located
from benchmark.train.gather import save_embeddings
from benchmark.train.run_folder import EMBEDDINGS
from benchmark.train.tracking.loggers import check_packages, wandb_offline_without_key, with_csv
from benchmark.train.training import keep_in_folder, leave_group, make_ready, train


class FitCLI(LightningCLI):
    """LightningCLI over any LightningModule with `embed`, and the one datamodule that all share.

    After `fit` the folder `trainer.default_root_dir` holds `config.yaml`, `model.ckpt`, `embeddings.parquet`,
    `checkpoints` and `logs`.
    """

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The two that there are commands for; parsers of the others would take time at every start."""
        return {name: skipped for name, skipped in LightningCLI.subcommands().items() if name in ("fit", "predict")}

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
        parser.add_class_arguments(Compute, "compute")

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
        self.model.compute = self._get(self.config_init, "compute")

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Trainer with a CSV log, atomic checkpoints and resumption, all in `trainer.default_root_dir`."""
        config = self._get(self.config_init, "trainer")
        root = Path(config["default_root_dir"] or ".")
        make_ready(root, "trainer.default_root_dir")
        kwargs["logger"] = with_csv(config["logger"], root)
        if self.model.automatic_optimization:
            kwargs.setdefault("accumulate_grad_batches", self._get(self.config, "compute.accumulate"))
        trainer = super().instantiate_trainer(**kwargs)
        keep_in_folder(trainer, root)
        return trainer

    def fit(self, model: Any, datamodule: SiteDataModule, **options: Any) -> None:
        """What the subcommand runs in place of the trainer's own method."""
        base = self._get(self.config, "trained_base")
        if base is not None:
            model.use_trained_base(base)
        config = self._parser("fit").dump(self.config["fit"], skip_none=False)
        train(self.trainer, model, datamodule, config, **options)

    def after_predict(self) -> None:
        """Write the embeddings of a model that was loaded."""
        root = Path(self.trainer.default_root_dir)
        predictions = self.trainer.predict_loop.predictions
        save_embeddings(self.trainer, self.model, self.datamodule, predictions, root / EMBEDDINGS)


def parsed(kind: type[FitCLI], args: list[str]) -> FitCLI:
    """What a command line of Lightning's asks for, parsed by a kind of :class:`FitCLI`, and run by it."""
    config_files(args)
    with warnings.catch_warnings():
        # Lightning warns of arguments that are given beside sys.argv; here that is the point.
        warnings.filterwarnings("ignore", "LightningCLI's args parameter")
        of_subcommand = {"default_config_files": [str(DEFAULTS)], "exit_on_error": False}
        options: dict[str, Any] = {name: of_subcommand for name in kind.subcommands()}
        try:
            return kind(
                LightningModule,
                SiteDataModule,
                subclass_mode_model=True,
                save_config_callback=None,
                parser_kwargs={"exit_on_error": False, **options},
                args=args,
            )
        except ArgumentError as error:
            message = located(in_one_line(str(error)), args)
            raise UserError(f"{message} ('seada-bench {args[0]} --help' lists the options)") from error


def run(args: list[str]) -> None:
    """Run a LightningCLI subcommand (`fit` or `predict`) as from the command line.

    Parameters
    ----------
    args
        Arguments after the program's name.
    """
    try:
        parsed(FitCLI, args)
    finally:
        leave_group()

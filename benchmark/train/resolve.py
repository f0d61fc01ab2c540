"""Configuration of a training as `seada-bench fit` resolves it, without training anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser
from lightning import LightningModule

from benchmark.data.datamodule import SiteDataModule
from benchmark.plugins import use_plugins
from benchmark.train.cli import FitCLI, parsed
from benchmark.train.tracking.loggers import check_packages


class _ResolveCLI(FitCLI):
    """Parses and validates as `fit` does, and stops there."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """`fit` alone: the parsers of the others take most of the time."""
        return {"fit": FitCLI.subcommands()["fit"]}

    def instantiate_classes(self) -> None:
        """Nothing is created, but what could not be is said now and not in every run of a sweep."""
        check_packages(self._get(self.config, "trainer.logger"))

    def _set_seed(self) -> None:
        """No generator is touched."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Nothing is run."""


def resolve(method: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """Resolved configuration of `fit` for a method's YAML file and options given over it.

    Parameters
    ----------
    method
        YAML file of a method. Class paths are looked for in its folder too.
    overrides
        Option name without dashes to value, such as ``{"trainer.max_epochs": 10}``.
    """
    use_plugins([method.parent])
    # A quoted string would keep its quotes where the option may also be something else than a string.
    options = [f"--{name}={v if isinstance(v, str) else json.dumps(v)}" for name, v in overrides.items()]
    cli = parsed(_ResolveCLI, ["fit", "--config", str(method), *options])
    config: dict[str, Any] = cli.config["fit"].as_dict()
    config.pop("config", None)
    return config


def instantiate_data(config: dict[str, Any]) -> SiteDataModule:
    """Datamodule of the ``data`` section of a resolved configuration."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(SiteDataModule, "data")
    module: SiteDataModule = parser.instantiate(parser.parse_object({"data": config})).data
    return module


def instantiate_model(config: dict[str, Any]) -> LightningModule:
    """Method of the ``model`` section of a resolved configuration, untrained."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningModule, "model")
    model: LightningModule = parser.instantiate(parser.parse_object({"model": config})).model
    return model

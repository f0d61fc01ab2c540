"""Loggers named in YAML: a CSV log beside them always, a missing package said in one line, no key needed."""

from __future__ import annotations

import json
import netrc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lightning.pytorch.loggers import CSVLogger, Logger
from lightning.pytorch.utilities import rank_zero_only

from benchmark.errors import UserError

#: Lightning's loggers by the end of their class path: modules of which one must be there, and what installs one.
PACKAGES = {
    "TensorBoardLogger": (("tensorboard", "tensorboardX"), "tensorboard"),
    "MLFlowLogger": (("mlflow",), "mlflow-skinny"),
    "CometLogger": (("comet_ml",), "comet-ml"),
    "NeptuneLogger": (("neptune",), "neptune"),
    "LitLogger": (("litlogger",), "litlogger"),
    "WandbLogger": (("wandb",), "wandb"),
}
WANDB = "WandbLogger"
LOGS = "logs"


def class_paths(logger: Any) -> list[str]:
    """Class paths in a ``trainer.logger`` setting: one logger, a list of them, or none (true, false, null)."""
    given = logger if isinstance(logger, list) else [logger]
    return [str(one["class_path"]) for one in given if hasattr(one, "__getitem__") and "class_path" in one]


def check_packages(logger: Any) -> None:
    """See that the loggers that are named can be made.

    Parameters
    ----------
    logger
        The ``trainer.logger`` setting, parsed but not instantiated.

    Raises
    ------
    UserError
        For a logger whose package is missing; the message says what to install.
    """
    for path in class_paths(logger):
        name = path.rpartition(".")[2]
        modules, package = PACKAGES.get(name, ((), ""))
        if modules and not any(find_spec(module) for module in modules):
            # Here: what a training loads is part of its key, and this changes no number.
            from benchmark.extras import extra_of

            extra = extra_of(ModuleNotFoundError(name=modules[0]))
            what = package if extra is None else f"'seada-bench[{extra}]'"
            raise UserError(f"trainer.logger: {name} needs the package {package}; install it: pip install {what}")


def with_csv(logger: Any, root: Path) -> Any:
    """Loggers of a run: those that were named, and a CSV log in ``root/logs`` unless one is among them.

    Parameters
    ----------
    logger
        The ``trainer.logger`` setting, instantiated; False for no log at all.
    root
        Folder of the run.
    """
    if logger is False:
        return False
    named = [] if logger in (None, True) else list(logger) if isinstance(logger, (list, tuple)) else [logger]
    if any(isinstance(one, CSVLogger) for one in named):
        return named
    _keep_earlier(root / LOGS / "metrics.csv")
    csv: Logger = CSVLogger(root, name=LOGS, version="")
    return [csv, *named]


def _keep_earlier(metrics: Path) -> None:
    # The CSV logger removes what an interrupted run logged up to the checkpoint that this one goes on from.
    if metrics.is_file() and getattr(rank_zero_only, "rank", 0) == 0:
        number = 1 + len(list(metrics.parent.glob("metrics.*.csv")))
        metrics.rename(metrics.with_name(f"metrics.{number}.csv"))


def wandb_has_key() -> bool:
    """Whether Weights & Biases finds a key: ``WANDB_API_KEY``, or an entry for its host in the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    for path in (os.environ.get("NETRC"), "~/.netrc", "~/_netrc"):
        if path and Path(path).expanduser().is_file():
            try:
                return netrc.netrc(str(Path(path).expanduser())).authenticators(host) is not None
            except (netrc.NetrcParseError, OSError):
                return False
    return False


def wandb_offline_without_key(logger: Any) -> None:
    """Let a Weights & Biases logger of this process log offline where there is no key, instead of asking for one."""
    names = [path.rpartition(".")[2] for path in class_paths(logger)]
    if WANDB in names and "WANDB_MODE" not in os.environ and not wandb_has_key():
        os.environ["WANDB_MODE"] = "offline"


@contextmanager
def wandb_finished() -> Iterator[None]:
    """Finish the Weights & Biases run that the block began, as failed if the block fails.

    What is left to the end of the process may be cut short: its files are then incomplete.
    """
    failed = 1
    try:
        yield
        failed = 0
    finally:
        wandb: Any = sys.modules.get("wandb")
        if wandb is not None and wandb.run is not None:
            wandb.finish(exit_code=failed)


def with_place(loggers: list[Any], places: dict[str, str]) -> list[Any]:
    """Logger settings with placeholders, such as ``{folder}``, replaced in every string of their arguments."""
    if not loggers:
        return []
    text = json.dumps(loggers)
    for name, value in places.items():
        text = text.replace(name, json.dumps(value)[1:-1])
    found: list[Any] = json.loads(text)
    return found


def wandb_logger(folder: Path) -> dict[str, Any]:
    """Setting of a logger that joins the process's Weights & Biases run; without one it makes an offline run."""
    return {
        "class_path": "lightning.pytorch.loggers.WandbLogger",
        "init_args": {"save_dir": str(folder), "offline": True},
    }

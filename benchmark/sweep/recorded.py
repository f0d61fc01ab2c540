"""Sweeps that came with results, whoever made them: what of them is run, and what only a file of one's own may say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.configs import METHODS
from benchmark.configs.shipped import shipped_file
from benchmark.errors import UserError
from benchmark.sweep.config import SweepConfig
from benchmark.sweep.keys import watches
from benchmark.train.tracking.settings import TrackingSettings

#: Options that say what is told of a training, and to whom; no result depends on the first, nor on callbacks of the
#: second that only watch.
LOGGER, CALLBACKS = "trainer.logger", ("trainer.callbacks", "trainer.callbacks+")
#: Options whose values are folders that are written to.
_WRITTEN = ("data.cache_dir", "phantom.out")


def sanitised(sweep: SweepConfig) -> SweepConfig:
    """A sweep that a results folder records, without loggers, callbacks that only watch, and tracking.

    Classes named in YAML are imported and called, and folders named in it are written to. Those of the suite's own
    methods are fine, and so are folders below the one that the command is run in; for anything else somebody has to
    name the sweep file by hand, and so has seen it.

    Raises
    ------
    UserError
        For a method that is not the suite's, a class, and a folder elsewhere.
    """
    for method in sweep.methods:
        if shipped_file(METHODS, method) is None:
            raise _refused("methods", method, "the names of shipped methods")
    overrides = {name: value for name, value in sweep.overrides.items() if not _only_watches(name, value)}
    for name, value in _leaves("", overrides):
        if name.split(".")[-1] == "class_path" or name in ("model", "config"):
            raise _refused(f"overrides.{name}", value, "no class and no file of options")
    places = [*_leaves("", overrides), *([("phantom.out", sweep.phantom.out)] if sweep.phantom else [])]
    for name, value in places:
        path = Path(str(value))
        elsewhere = path.is_absolute() or ".." in path.parts
        if elsewhere and (name in _WRITTEN or name.startswith("trainer.")):
            raise _refused(name, value, "a path below the folder that the command is run in")
    return replace(sweep, overrides=overrides, tracking=TrackingSettings())


def _only_watches(name: str, value: Any) -> bool:
    given = value if isinstance(value, list) else [value]
    return name == LOGGER or (name in CALLBACKS and all(watches(callback) for callback in given if callback))


def _refused(name: str, value: object, allowed: str) -> UserError:
    return UserError(
        f"field '{name}': '{value}' is not run from results, which may be anybody's; allowed: {allowed}. "
        "Look at the sweep and name its file with --config"
    )


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(name, inner)
    else:
        yield name, value

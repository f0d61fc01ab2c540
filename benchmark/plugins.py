"""Where class paths of methods outside of this repository are looked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmark.errors import UserError


def use_plugins(folders: Iterable[Path]) -> None:
    """Find modules in folders, after all others, in this process and in those that are started from it.

    Raises
    ------
    UserError
        For a folder that is not there.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UserError(
                f"--plugins: {folder} is no folder; allowed: the folder that holds the modules of class paths"
            )
        path = str(folder.resolve())
        if path not in sys.path:
            sys.path.append(path)
        known = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
        if path not in known:
            os.environ["PYTHONPATH"] = os.pathsep.join([*known, path])


def without_plugins(arguments: list[str]) -> tuple[list[str], list[Path]]:
    """Arguments without ``--plugins FOLDER``, and the folders: those, and the folders of ``--config FILE``.

    Raises
    ------
    UserError
        For ``--plugins`` without a folder.
    """
    kept, folders = [], []
    waiting = iter(arguments)
    for argument in waiting:
        name, equals, value = argument.partition("=")
        if name == "--plugins":
            value = value if equals else next(waiting, "")
            if not value:
                raise UserError("--plugins: needs a folder")
            folders.append(Path(value))
            continue
        kept.append(argument)
        if name == "--config":
            if not equals:
                value = next(waiting, "")
                kept.append(value)
            if Path(value).is_file():
                folders.append(Path(value).parent)
    return kept, folders

"""Folders that results go to, and files that are read: what can be told of them before any library is loaded."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmark.errors import UserError

#: Files of scores in a results folder, as benchmark.results.schema names them; here no library is needed to know them.
SCORE_FILES = ("scores.parquet", "scores.csv")


def make_writable(folder: Path, option: str) -> None:
    """Make a folder where it is missing, and find out now, not after hours of work, whether it takes files.

    Parameters
    ----------
    folder
        The folder.
    option
        What the user calls it, for the message.

    Raises
    ------
    UserError
        If nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"{option}: cannot write into {folder}: {error.strerror}") from None


def check_can_be_made(folder: Path, option: str) -> None:
    """Find out whether a folder could be made and written into, without making it; parameters as above.

    Raises
    ------
    UserError
        If what would hold it is no folder, or may not be written into.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        problem = "may not be written into" if there.is_dir() else "is no folder"
        raise UserError(f"{option}: cannot write into {folder}: {there} {problem}")


def check_holds_scores(folder: Path) -> None:
    """See that a folder is one of results, before libraries are loaded that read it.

    Raises
    ------
    UserError
        If it holds none of the :data:`SCORE_FILES`.
    """
    if not any((folder / name).is_file() for name in SCORE_FILES):
        raise UserError(f"{folder}: holds no {SCORE_FILES[0]}; give the results folder of a sweep or of evaluate")


def check_is_index(folder: Path) -> None:
    """See that a folder holds an index of scans.

    Raises
    ------
    UserError
        If it does not.
    """
    if not (folder / "index.json").is_file():
        raise UserError(f"{folder / 'index.json'}: there is no such file; the folder of an index is needed")


def expanded(option: str, files: Iterable[Path]) -> list[Path]:
    """Files, with those that match a pattern (``*``, ``?``, ``[...]``) in its place, in the alphabet's order.

    A shell expands patterns that are not quoted; quoted ones, and those of YAML files, come as they are. A file that a
    pattern matches is there once; one that is named twice stays, for whoever reads it to refuse.

    Raises
    ------
    UserError
        For a pattern that matches nothing, and for files that are not there, a line each.
    """
    found: list[Path] = []
    matched: set[Path] = set()
    for file in files:
        if not set("*?[") & set(str(file)) or file.exists():
            if file not in matched:
                found.append(file)
            continue
        root = Path(file.anchor)
        matching = sorted(root.glob(str(file.relative_to(root))))
        if not matching:
            raise UserError(f"--{option}: no file matches '{file}'")
        found += [path for path in matching if path not in found]
        matched.update(matching)
    check_are_there(found)
    return found


def check_are_there(files: Iterable[Path]) -> None:
    """See that files are there.

    Raises
    ------
    UserError
        For those that are not, a line each.
    """
    absent = [file for file in files if not file.exists()]
    if absent:
        raise UserError("\n".join(f"{file}: cannot be read: No such file or directory" for file in absent))

"""Folders that results go to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from benchmark.errors import UserError


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

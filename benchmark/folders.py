"""Folders that results go to."""

from __future__ import annotations

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

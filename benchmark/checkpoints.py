"""Checkpoints that a run goes on from: whole, or not used."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path


def damage(path: Path) -> str:
    """What is wrong with a checkpoint file; "" for a whole one.

    PyTorch writes a zip archive with a CRC-32 of each of its records, all of which are read here.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            record = archive.testzip()
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return f"its record {record} is damaged" if record else ""


def usable(path: Path) -> tuple[bool, str]:
    """Whether a run can go on from a checkpoint, and what is wrong with one that is there and cannot be used.

    A damaged file is kept, as ``NAME.damaged``.
    """
    if not path.is_file():
        return False, ""
    problem = damage(path)
    if problem:
        path.replace(path.with_name(f"{path.name}.damaged"))
    return not problem, problem

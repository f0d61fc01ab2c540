"""Checkpoints: written whole or not at all, and used where they are whole and hold nothing that would run."""

from __future__ import annotations

import logging
import os
import pickle
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

from lightning.pytorch.plugins.io import TorchCheckpointIO

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError

log = logging.getLogger(__name__)


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


def usable(path: Path) -> bool:
    """Whether a run can go on from a checkpoint; a damaged file is kept as ``NAME.damaged``, with a warning."""
    if not path.is_file():
        return False
    problem = damage(path)
    if problem:
        path.replace(path.with_name(f"{path.name}.damaged"))
        log.warning("%s cannot be used (%s): its training begins anew, the file is kept as .damaged", path, problem)
    return not problem

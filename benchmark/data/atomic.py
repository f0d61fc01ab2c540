"""Files that are either whole or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Temporary path beside ``path`` to write to; renamed to it at the end, removed if anything goes wrong.

    Parameters
    ----------
    path
        The file that is to appear; its folder must exist.

    Yields
    ------
    Path
        A path in the same folder, hidden, with the same suffixes, so that writers that look at them do as they
        should. No two calls get the same one, in whatever thread, process or host.

    Raises
    ------
    FileNotFoundError
        If nothing was written to the temporary path.
    """
    temporary = path.with_name(f".{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        # Else a power cut may leave the new name with nothing behind it.
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

"""Files told apart by what they hold, which is read once and remembered by size and times of change."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from benchmark.data.atomic import atomic_path

#: In the folder of the volume stores: path to size, times of change and SHA-256.
RECORD = "contents.json"
#: Seconds of hashing after which a bar is shown.
PATIENCE = 3.0
#: Nanoseconds that must have passed since a file's last change: file systems tell times apart only so well.
SETTLED = 2 * 10**9

State = list[int | str]

#: What this process has read, by absolute path.
_KNOWN: dict[str, State] = {}


def sha256_of(paths: Iterable[str], cache_dir: Path | None = None) -> dict[str, str]:
    """SHA-256 of files' contents, in hexadecimal, by path.

    Parameters
    ----------
    paths
        The files.
    cache_dir
        Folder in which digests are kept from one process to the next; None for this process alone. One that cannot be
        read or written costs time and nothing else.

    Raises
    ------
    OSError
        For the first file that cannot be read.
    """
    names = {path: os.path.abspath(path) for path in paths}  # noqa: PTH100 (of many thousand paths)
    # Before anything is read: what changes meanwhile has another state the next time.
    states = {name: _state(name) for name in names.values()}
    due = _due(states)
    if due and cache_dir is not None:
        for name, state in _recorded(cache_dir).items():
            _KNOWN.setdefault(name, state)
        due = _due(states)
    if due:
        now = time.time_ns()
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            digests = tqdm(
                pool.map(_sha256, due), "identify", len(due), unit="file", delay=PATIENCE, disable=None,
                file=sys.stderr, mininterval=1,
            )  # fmt: skip
            for name, digest in zip(due, digests, strict=True):
                _KNOWN[name] = [*states[name], digest]
        settled = {name: _KNOWN[name] for name in due if now - max(map(int, states[name][1:])) > SETTLED}
        if cache_dir is not None and settled:
            _record(cache_dir, settled)
    return {path: str(_KNOWN[name][-1]) for path, name in names.items()}


def _due(states: dict[str, State]) -> list[str]:
    return [name for name, state in states.items() if _KNOWN.get(name, [])[:-1] != state]


def _state(name: str) -> State:
    found = os.stat(name)  # noqa: PTH116 (a third of the time that pathlib takes)
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _sha256(name: str) -> str:
    with Path(name).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _recorded(cache_dir: Path) -> dict[str, State]:
    try:
        found = json.loads((cache_dir / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    entries = found.items() if isinstance(found, dict) else ()
    return {name: state for name, state in entries if isinstance(state, list) and len(state) == 4}


def _record(cache_dir: Path, fresh: dict[str, State]) -> None:
    # Of two processes that write at once the later one wins: what the other read is read again one day.
    with suppress(OSError):
        cache_dir.mkdir(parents=True, exist_ok=True)
        with atomic_path(cache_dir / RECORD) as temporary:
            temporary.write_text(json.dumps(_recorded(cache_dir) | fresh), encoding="utf-8")

"""Volumes read ahead by processes of their own, while this one loads the libraries that embed, and embeds.

Nothing slow is imported here: reading begins before the rest of a command is loaded.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

from benchmark.errors import UserError
from benchmark.processes import process_pool

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Volumes = list[npt.NDArray[np.float16]]

#: Scans from which on another process has read some before it is needed: its start takes as long as this many.
FEWEST = 128
#: Processes at most, and bytes of volumes that wait.
MOST_PROCESSES, MOST_BYTES = 8, 2**29

Pair = tuple[str, str]


class Ahead:
    """Volumes in the order in which they will be asked for; made by :func:`reading_ahead`.

    Parameters
    ----------
    scans
        Scans table, columns ``image`` and ``mask``.
    preprocessing
        Settings of :class:`benchmark.data.preprocessing.Preprocessing`.
    processes
        That read; 0 for none.
    """

    def __init__(self, scans: pd.DataFrame, preprocessing: Mapping[str, Any], processes: int) -> None:
        self._preprocessing = dict(preprocessing)
        self._due = deque(dict.fromkeys(_pairs(scans))) if processes else deque[Pair]()
        self._futures: dict[Pair, Future[npt.NDArray[np.float16] | str]] = {}
        self._most = max(MOST_BYTES // (2 * prod(preprocessing["shape"])), 64)
        self._pool = process_pool(processes, _ignore_interrupts) if processes else None
        self._fill()

    def volumes_of(self, scans: pd.DataFrame) -> Volumes | None:
        """Volumes of some scans, shape (x, y, z) each; None where one was not due, or is asked for again.

        What no process has begun is read here, from the end on, so that all work until all are there.

        Raises
        ------
        UserError
            For the first file that cannot be used.
        """
        pairs = _pairs(scans)
        futures = {pair: self._futures.pop(pair, None) for pair in pairs}
        if self._pool is None or None in futures.values():
            return None
        self._fill()
        found: dict[Pair, npt.NDArray[np.float16] | str] = {}
        try:
            for pair, future in reversed(futures.items()):
                if future is not None and future.cancel():
                    found[pair] = _read(pair, self._preprocessing)
            found |= {pair: future.result() for pair, future in futures.items() if future and pair not in found}
        except BrokenProcessPool:
            # A process was killed, perhaps for want of memory: the rest is read by whoever asks.
            self._pool = None
            return None
        volumes = []
        for pair in pairs:
            made = found[pair]
            if isinstance(made, str):
                raise UserError(made)
            volumes.append(made)
        return volumes

    def close(self) -> None:
        """Read nothing more."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def _fill(self) -> None:
        while self._pool is not None and self._due and len(self._futures) < self._most:
            pair = self._due.popleft()
            try:
                self._futures[pair] = self._pool.submit(_read, pair, self._preprocessing)
            except BrokenProcessPool:
                self._pool = None


@contextmanager
def reading_ahead(
    scans: pd.DataFrame, preprocessing: Mapping[str, Any], processes: int | None = None
) -> Iterator[Ahead]:
    """Begin to read scans that will be embedded.

    Parameters
    ----------
    scans, preprocessing
        As for :class:`Ahead`.
    processes
        None for one fewer than there are cores, and none for fewer than :data:`FEWEST` scans.
    """
    if processes is None:
        cores = len(os.sched_getaffinity(0))
        processes = min(cores - 1, MOST_PROCESSES) if len(scans) >= FEWEST else 0
    ahead = Ahead(scans, preprocessing, processes)
    try:
        yield ahead
    finally:
        ahead.close()


def _pairs(scans: pd.DataFrame) -> list[Pair]:
    return list(zip(map(str, scans["image"]), map(str, scans["mask"]), strict=True))


def _read(pair: Pair, preprocessing: Mapping[str, Any]) -> npt.NDArray[np.float16] | str:
    """One volume, or what is wrong with its files."""
    from benchmark.data.preprocessing import Preprocessing
    from benchmark.data.store import one_thread, stored_volume

    with one_thread():
        try:
            return stored_volume({"image": pair[0], "mask": pair[1]}, Preprocessing(**preprocessing))[0]
        except UserError as error:
            return str(error)


def _ignore_interrupts() -> None:
    # Ctrl-C is for the command, which then ends its processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

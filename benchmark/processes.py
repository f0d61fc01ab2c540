"""Processes that help this one and do not outlive it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process


def process_pool(processes: int, initializer: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """Pool of new processes that end when this process ends, however it ends.

    The standard library's own wait for work for ever once the process that gives it was killed.

    Parameters
    ----------
    processes
        How many.
    initializer
        Called once in each process; importable by name.
    """
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_begin, initargs=(initializer,))


def end_with_parent() -> None:
    """Let this process end at once when the one that started it does."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


@contextmanager
def environment_variables(**values: str) -> Iterator[None]:
    """Set environment variables, for the processes that are started meanwhile, and set them back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin(initializer: Callable[[], None] | None) -> None:
    end_with_parent()
    if initializer is not None:
        initializer()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)

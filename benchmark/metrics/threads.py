"""Chunks of array work on all cores that the process may use."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def threads() -> int:
    """Threads to use: ``OMP_NUM_THREADS`` where it is set, as a sweep does for its workers, or the usable cores."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) > 0 else len(os.sched_getaffinity(0))


@contextmanager
def reproducible() -> Iterator[None]:
    """Let libraries use one thread, so that numbers do not depend on how many there are; a decorator as well.

    Not for what runs in several threads: filters of warnings are the whole process's.
    """
    with threadpool_limits(1), warnings.catch_warnings():
        # Stopping at the iteration limit is part of what the probes are.
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def use_one_thread() -> None:
    """Let this process, which has just begun, be one of several that share the cores."""
    os.environ["OMP_NUM_THREADS"] = "1"


def map_chunks(function: Callable[[Chunk], Result], chunks: Iterable[Chunk]) -> Iterator[Result]:
    """Results of a function over chunks, in order, computed by several threads; few chunks are alive at a time.

    NumPy lets go of the interpreter's lock in sorting and arithmetic, which is what makes threads worth while. Within
    a chunk libraries use one thread, so that results do not depend on how many there are.
    """
    workers = threads()
    if workers == 1:
        yield from map(function, chunks)
        return
    # OpenMP's limit is one thread's own, so that each has to set it; two that do not wait for each other's cores.
    with threadpool_limits(1), ThreadPoolExecutor(workers, initializer=threadpool_limits, initargs=(1,)) as pool:
        waiting: deque[Future[Result]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(function, chunk))
            if len(waiting) > workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

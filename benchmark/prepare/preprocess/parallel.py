"""Work on many scans, in processes, with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmark.errors import UserError, cause
from benchmark.prepare.shown import Shown
from benchmark.processes import process_pool


def mapped(
    work: Callable[[Any], dict[str, Any]], rows: Sequence[Any], processes: int, title: str, progress: bool
) -> list[dict[str, Any]]:
    """Results in the order of the rows, with progress on stderr; an interruption leaves what is finished."""
    found: list[dict[str, Any]] = [{}] * len(rows)
    with Shown(len(rows), title) if progress else nullcontext() as shown:
        for place, result in _results(work, rows, processes):
            found[place] = result
            if shown:
                shown.update(1)
    return found


def problem(error: Exception, path: Path) -> str:
    """What an error says of a scan's image: one bad file must not end the work on all others."""
    expected = isinstance(error, UserError | OSError)
    return cause(error) if expected else f"{path}: {type(error).__name__}: {cause(error)}"


def _results(
    work: Callable[[Any], dict[str, Any]], rows: Sequence[Any], processes: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    if processes <= 1:
        yield from ((place, work(row)) for place, row in enumerate(rows))
        return
    pool = process_pool(processes)
    try:
        waiting = {pool.submit(work, row): place for place, row in enumerate(rows)}
        while waiting:
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for one in ready:
                yield waiting.pop(one), one.result()
    except BrokenProcessPool:
        raise UserError(
            "a process died, killed or out of memory; the same command goes on from here, with fewer --processes it "
            "needs less memory"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

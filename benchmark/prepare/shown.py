"""Progress of work on many scans: a bar in a terminal, a line a minute in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

#: Seconds between two lines of a log.
LINE_EVERY = 60.0


class Shown:
    """How many of so many scans are there, and how long the rest will take; for a ``with`` statement.

    Parameters
    ----------
    total
        Scans.
    title
        What they are of.
    stream
        Where to; standard error by default.
    """

    def __init__(self, total: int, title: str, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.total, self.title, self.done = total, title, 0
        self.last_line = time.monotonic()
        self.first: tuple[float, int] | None = None
        terminal = self.stream.isatty()
        self.bar: Any = tqdm(total=total, desc=title, unit="scan", file=self.stream) if terminal else None

    def __enter__(self) -> Shown:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()

    def update(self, scans: int) -> None:
        """So many scans more are there."""
        self.done += scans
        now = time.monotonic()
        # The first scans wait for processes that start, and say nothing of the pace of the others.
        began, before = self.first = self.first or (now, self.done)
        if self.bar is not None:
            self.bar.update(scans)
        elif now - self.last_line >= LINE_EVERY:
            self.last_line = now
            text = f"{self.title}: {self.done}/{self.total} scans"
            if self.done > before:
                left = (now - began) * (self.total - self.done) / (self.done - before) / 60
                text += f", about {max(left, 1):.0f} min left"
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            self.stream.write(f"{stamp} {text}\n")
            self.stream.flush()

"""What a sweep shows while it runs: bars in a terminal, dated lines in a log."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from tqdm import tqdm

from benchmark.sweep.progress import Progress, forget_progress, read_progress
from benchmark.sweep.run import Run

#: Seconds between two looks at the runs in progress.
LOOK = 0.5
#: Seconds after which a log gets a line though no run has ended.
LINE_EVERY = 60.0
#: Seconds that the estimate of the costs weighs against what was measured since the sweep began.
TRUST = 30.0
#: Runs in progress that a line names.
NAMED = 4

#: The unit stands for what is said beside a bar: a postfix would begin with a comma.
BAR = "{desc} |{bar}| {unit}"


@dataclass
class Running:
    """A run that a worker has."""

    run: Run
    cost: float
    began: float = field(default_factory=time.monotonic)
    bar: Any = None

    @property
    def label(self) -> str:
        """Short name without commas."""
        return self.run.name.replace(",", "")


def log_line(text: str, stream: TextIO | None = None, *, terminal: bool = False) -> None:
    """Write a line to a stream, by default standard error: with the time if it is no terminal, else if ``terminal``."""
    stream = sys.stderr if stream is None else stream
    if terminal or not stream.isatty():
        stream.write(f"{text}\n" if stream.isatty() else f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        stream.flush()


class Display:
    """Progress of a sweep on a stream, watched by a thread of its own.

    A terminal gets a bar for all runs and one for every run in progress, anything else plain lines with the time, when
    a run ends and at least once a minute. The files that it reads are a convenience: without them it counts runs.

    Parameters
    ----------
    costs
        Estimated seconds of every run that is due.
    workers
        Runs executed at a time.
    stream
        Where to; standard error by default.
    """

    def __init__(self, costs: Sequence[float], workers: int, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.total, self.runs = sum(costs), len(costs)
        self.workers = max(min(workers, self.runs), 1)
        self.running: dict[int, Running] = {}
        self.ended, self.done, self.failed = 0, 0.0, 0
        self.began = self.last_line = time.monotonic()
        self.terminal = self.stream.isatty()
        self.bar: Any = None
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin to show."""
        if self.terminal:
            self.bar = self._new_bar(0, f"0/{self.runs} runs")
        self._thread.start()

    def close(self) -> None:
        """Show no more; the terminal keeps the bar of all runs."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self.bar is not None:
            for one in self.running.values():
                one.bar.close()
            self._draw()
            self.bar.close()

    def begin(self, run: Run, cost: float) -> None:
        """A worker was given a run."""
        forget_progress(run.folder)
        with self._lock:
            one = Running(run, cost)
            if self.terminal:
                taken = {-other.bar.pos for other in self.running.values()}
                place = next(place for place in range(1, len(taken) + 2) if place not in taken)
                one.bar = self._new_bar(place, one.label)
            self.running[id(run)] = one

    def end(self, run: Run, error: str | None) -> None:
        """A run is finished, or failed with an error."""
        with self._lock:
            one = self.running.pop(id(run))
            self.ended += 1
            self.done += one.cost
            self.failed += error is not None
            if error is not None:
                self.say(f"failed: {run.name}: {error}")
            if self.terminal:
                one.bar.close()
                self._draw()
            else:
                self._tell()

    def say(self, text: str) -> None:
        """A line above the bars, or with the time where there are none."""
        with self._lock:
            if self.terminal:
                tqdm.write(text, file=self.stream)
            else:
                log_line(text, self.stream)

    def seconds_left(self) -> float:
        """Estimated seconds until the last run ends."""
        over = sum(one.cost * read_progress(one.run.folder).fraction for one in self.running.values())
        elapsed = time.monotonic() - self.began
        # Estimated seconds of work a second: at first one for each worker, then ever more what is seen.
        speed = (self.done + over + TRUST * self.workers) / (elapsed + TRUST)
        return max(self.total - self.done - over, 0.0) / speed

    def line(self) -> str:
        """One line that says it all."""
        text = f"{self.ended}/{self.runs} runs done"
        text += f" ({self.failed} failed)" if self.failed else ""
        text += f", about {duration(self.seconds_left())} left" if self.ended < self.runs else ""
        named = [f"{one.label} {read_progress(one.run.folder)}" for one in list(self.running.values())]
        more = [f"and {len(named) - NAMED} more"] if len(named) > NAMED else []
        return text + (f"; running: {', '.join([*named[:NAMED], *more])}" if named else "")

    def _watch(self) -> None:
        while not self._stop.wait(LOOK):
            with self._lock:
                if self.terminal:
                    self._draw()
                elif time.monotonic() - self.last_line >= LINE_EVERY:
                    self._tell()

    def _tell(self) -> None:
        self.last_line = time.monotonic()
        self.say(self.line())

    def _draw(self) -> None:
        over = 0.0
        for one in self.running.values():
            progress = read_progress(one.run.folder)
            over += one.cost * progress.fraction
            one.bar.n = progress.fraction
            one.bar.unit = _beside(progress, time.monotonic() - one.began)
            one.bar.refresh()
        self.bar.n = min((self.done + over) / self.total, 1.0) if self.total else 1.0
        failed = f", {self.failed} failed" if self.failed else ""
        self.bar.set_description_str(f"{self.ended}/{self.runs} runs{failed}", refresh=False)
        left = f", about {duration(self.seconds_left())} left" if self.ended < self.runs else ""
        self.bar.unit = f"{duration(time.monotonic() - self.began)}{left}"
        self.bar.refresh()

    def _new_bar(self, place: int, label: str) -> Any:
        return tqdm(
            total=1.0,
            unit="",
            position=place,
            desc=label,
            bar_format=BAR,
            file=self.stream,
            leave=place == 0,
            dynamic_ncols=True,
        )


def _beside(progress: Progress, seconds: float) -> str:
    fraction = progress.fraction
    # A first epoch says too little of the rest.
    left = f", about {duration(seconds * (1 - fraction) / fraction)} left" if fraction > 0.05 else ""
    return f"{progress}{left}"


def duration(seconds: float) -> str:
    """Seconds for people: ``40 s``, ``5 min``, ``2 h 10 min``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"

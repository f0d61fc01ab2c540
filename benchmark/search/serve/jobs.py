"""Work that takes longer than a request: queues with an end, and how far each piece of work is."""

from __future__ import annotations

import logging
import queue
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from benchmark.errors import UserError

_LOG = logging.getLogger(__name__)
T = TypeVar("T")


class BusyError(Exception):
    """The queue is full."""


class GoneError(Exception):
    """What is asked for is not kept (any more)."""


class _StoppedError(Exception):
    """The server ends."""


class Kept(Generic[T]):
    """The last things of a kind, by names that cannot be guessed.

    Parameters
    ----------
    most
        How many; the one that was used longest ago goes first.
    what
        What one of them is, for the message.
    """

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self._items: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, item: T) -> str:
        """Keep something; its name."""
        name = secrets.token_urlsafe(16)
        with self._lock:
            self._items[name] = item
            while len(self._items) > self._most:
                self._items.popitem(last=False)
        return name

    def get(self, name: str) -> T:
        """What has a name.

        Raises
        ------
        GoneError
            If nothing has.
        """
        with self._lock:
            if name not in self._items:
                raise GoneError(f"this {self._what} is not kept (any more); search again")
            self._items.move_to_end(name)
            return self._items[name]


class Job:
    """One piece of work.

    Attributes
    ----------
    stage
        ``queued``, what is done now, ``done`` or ``failed``.
    share
        Of the stage, in [0, 1]; None where it is not known.
    result
        In plain values, when it is done.
    error
        Why it failed, on one line.
    """

    def __init__(self, work: Callable[[Job], Any], clean: Callable[[], None], worker: Worker) -> None:
        self._work, self._clean, self._worker = work, clean, worker
        self.number = 0
        self.stage, self.share = "queued", None  # type: tuple[str, float | None]
        self.result: Any = None
        self.error = ""

    def tell(self, stage: str, share: float | None = None) -> None:
        """Say what is done now."""
        if self._worker.stopping.is_set():
            raise _StoppedError
        self.stage, self.share = stage, share

    def run(self) -> None:
        """Do it; whatever goes wrong is kept for whoever asks."""
        error = ""
        try:
            self.result = self._work(self)
        except (UserError, GoneError) as refused:
            error = one_line(str(refused))
        except _StoppedError:
            error = "the server ends"
        except MemoryError:
            error = "the server has too little memory for this"
        except Exception:  # noqa: BLE001 (one query must not end the work on all others)
            _LOG.exception("a job failed")
            error = "the server could not do this; its terminal says why"
        # Whoever is told that it is over may rely on it.
        self.abandon()
        self.error, self.stage = error, "failed" if error else "done"

    def abandon(self) -> None:
        """Remove what the work was to be done with."""
        self._clean()

    def state(self) -> dict[str, Any]:
        """In plain values."""
        ahead = max(self.number - self._worker.ended, 0) if self.stage == "queued" else 0
        return {
            "stage": self.stage, "share": self.share, "ahead": ahead, "result": self.result, "error": self.error,
        }  # fmt: skip


class Worker:
    """One thread that does jobs in their order.

    Parameters
    ----------
    name
        Of the thread.
    bound
        Jobs that may wait.
    """

    def __init__(self, name: str, bound: int) -> None:
        self._queue: queue.Queue[Job | None] = queue.Queue(bound)
        self._lock = threading.Lock()
        self._submitted = 0
        self.ended = 0
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def check_has_room(self) -> None:
        """See that a job could wait now.

        Raises
        ------
        BusyError
            If none could.
        """
        if self._queue.full():
            raise BusyError

    def submit(self, work: Callable[[Job], Any], clean: Callable[[], None] = lambda: None) -> Job:
        """Have something done.

        Parameters
        ----------
        work
            Given the job, which it tells how far it is; returns plain values.
        clean
            Called afterwards, or if it is never done.

        Raises
        ------
        BusyError
            If the queue is full.
        """
        job = Job(work, clean, self)
        with self._lock:
            job.number = self._submitted
            try:
                self._queue.put_nowait(job)
            except queue.Full:
                clean()
                raise BusyError from None
            self._submitted += 1
        return job

    def stop(self) -> None:
        """Do nothing more; the job that is being done ends at the next thing it tells."""
        self.stopping.set()
        try:
            while True:
                job = self._queue.get_nowait()
                if job is not None:
                    job.abandon()
        except queue.Empty:
            self._queue.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            job.run()
            self.ended += 1


def one_line(text: str) -> str:
    """An error for a person at the page: lines as sentences, options without their dashes."""
    return "; ".join(line.strip().removeprefix("--") for line in text.splitlines() if line.strip())

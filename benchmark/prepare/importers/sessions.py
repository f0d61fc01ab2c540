"""From images to scans: one image of a session, and the clinical visit nearest to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from benchmark.prepare.importers.files import relative
from benchmark.prepare.importers.record import Import, Scan
from benchmark.prepare.importers.tables import Row

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Visit:
    """A clinical visit by an archive's tables; "" or NaN where they say nothing.

    Attributes
    ----------
    day
        A date, or the days since the subject's entry.
    diagnosis, source
        One of :data:`benchmark.data.schema.DIAGNOSES`, and the table and word that it was read from; a source alone
        where the word is unknown.
    age
        Years.
    phase, field_strength
        In ADNI's words.
    row
        Where it stands, if that is needed.
    """

    day: Any
    diagnosis: str = ""
    source: str = ""
    age: float = math.nan
    phase: str = ""
    field_strength: str = ""
    row: Row | None = None


@dataclass(frozen=True)
class Image:
    """An image, by its absolute path, of a session; the one of smallest rank stands for its session."""

    path: Path
    subject: str
    session: str
    rank: Any


def by_session(images: Iterable[T], session: Callable[[T], Any], rank: Callable[[T], Any]) -> list[list[T]]:
    """Images of each session, in the order of the sessions, smallest rank first."""
    ordered = sorted(images, key=lambda image: (session(image), rank(image)))
    return [list(several) for _, several in groupby(ordered, session)]


def gather(images: Iterable[Image], scan: Callable[[Image], Scan | str], folder: Path, found: Import) -> None:
    """Extend what was found in a folder by a scan of each session, of any number of images a session.

    ``scan`` makes the scan of an image, or says why it is none. Of several as good the one of the smallest path is
    taken, and they are told of.
    """
    ranked = []
    for image in images:
        made = scan(image)
        if isinstance(made, str):
            found.leave_out(relative(image.path, folder), made)
        else:
            ranked.append((image.rank, made, relative(image.path, folder)))
    for several in by_session(
        ranked, lambda each: (each[1].subject_id, each[1].session_id), lambda each: (each[0], str(each[1].image))
    ):
        best, chosen, _ = several[0]
        found.scans.append(chosen)
        equal = sorted(name for rank, _, name in several if rank == best)
        if len(equal) > 1:
            session = f"{chosen.subject_id} {chosen.session_id}"
            found.ambiguous.append(f"{session}: {' and '.join(equal)} are as good; the first is used")
        for _, _, name in several[1:]:
            found.leave_out(name, "another image of the same session comes first")


def nearest(visits: Iterable[Visit], day: Any, window: Any) -> Visit | None:
    """The visit nearest to a day and at most a window away; of two as near the earlier, of one day the first.

    Days are numbers or dates, and the window a number or a difference of dates.
    """
    best = min(visits, key=lambda visit: (abs(visit.day - day), visit.day), default=None)
    return best if best is not None and abs(best.day - day) <= window else None

"""Sessions of LONI images: numbered by days instead of dated, and one image of each."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from benchmark.prepare.importers.loni import Found
from benchmark.prepare.importers.loni_tables import Row
from benchmark.prepare.importers.normalise import sex
from benchmark.prepare.importers.record import LeftOut


@dataclass(frozen=True)
class Candidate:
    """A T1 image that may become the scan of its session.

    Attributes
    ----------
    subject_id
        Of the manifest.
    found, row
        File and table row.
    date
        Day of the scan.
    raw
        As it came from the scanner, not processed by the archive.
    repeat, twin
        Second acquisition of the session; copy without distortion correction (``_ND``).
    dataset
        Collection it was acquired for.
    dataset_source
        What says so.
    """

    subject_id: str
    found: Found
    row: Row
    date: datetime.date
    raw: bool
    repeat: bool = False
    twin: bool = False
    dataset: str = ""
    dataset_source: str = ""


def one_a_day(
    candidates: Iterable[Candidate], rank: Callable[[Candidate], Any], left_out: list[LeftOut]
) -> list[Candidate]:
    """Keep the first image of each subject and day in the order of a rank, then of series and image.

    Parameters
    ----------
    candidates
        Any number a day.
    rank
        Smallest is best.
    left_out
        Gets the others, with what speaks against them.
    """
    chosen: dict[tuple[str, datetime.date], Candidate] = {}
    order = sorted(candidates, key=lambda one: (rank(one), one.found.series, int(one.found.image_id)))
    for one in order:
        first = chosen.setdefault((one.subject_id, one.date), one)
        if first is not one:
            left_out.append(LeftOut(one.found.shown, _why(first, one)))
    return [chosen[key] for key in sorted(chosen)]


def _why(first: Candidate, other: Candidate) -> str:
    if other.raw != first.raw:
        return f"{'raw' if other.raw else 'processed'} image of a session that has a preferred one"
    if other.repeat and not first.repeat:
        return "repeat acquisition of the same session"
    if other.twin and not first.twin:
        return "'_ND' twin of an image of the same session"
    return "another image of the same session comes first"


def first_days(images: Iterable[tuple[str, datetime.date]]) -> dict[str, datetime.date]:
    """Day of the first image of each subject, from which sessions are counted."""
    first: dict[str, datetime.date] = {}
    for subject, day in images:
        first[subject] = min(day, first.get(subject, day))
    return first


def session_id(day: datetime.date, first: datetime.date) -> str:
    """Such as ``d0365``: days since the subject's first image, so that no date is told."""
    return f"d{(day - first).days:04d}"


def sexes(values: Iterable[tuple[str, str]], notes: list[str]) -> dict[str, str]:
    """Sex by subject, "" where sources contradict each other or none states it.

    Parameters
    ----------
    values
        Subject, and a letter or word.
    notes
        Gets subjects of contradictory sex.
    """
    found: dict[str, set[str]] = {}
    for subject, text in values:
        found.setdefault(subject, set()).add(sex(text))
    for known in found.values():
        known.discard("")
    notes += [f"{subject}: tables state both sexes: left empty" for subject, known in found.items() if len(known) > 1]
    return {subject: "".join(known) if len(known) == 1 else "" for subject, known in found.items()}

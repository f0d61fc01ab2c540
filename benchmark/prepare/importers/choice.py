"""Choices that several archives ask for: one image of a session, the clinical visit nearest to a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from benchmark.prepare.importers.record import LeftOut, Scan

Key = TypeVar("Key")


def one_a_session(
    scans: Iterable[Scan], rank: Callable[[Scan], Any], name: Callable[[Scan], str]
) -> tuple[list[Scan], list[LeftOut]]:
    """Keep the first scan of each subject, dataset and session in the order of a rank.

    Parameters
    ----------
    scans
        Any number a session.
    rank
        Smallest is best; equal ranks go to the smaller path.
    name
        What the summary calls a scan.

    Returns
    -------
    tuple of list
        The chosen ones, sorted by dataset, subject and session, and the others.
    """
    chosen: dict[tuple[str, str, str], Scan] = {}
    others: list[LeftOut] = []
    for scan in sorted(scans, key=lambda each: (rank(each), str(each.image))):
        key = scan.dataset, scan.subject_id, scan.session_id
        if key in chosen:
            others.append(LeftOut(name(scan), "another image of the same session comes first"))
        else:
            chosen[key] = scan
    return [chosen[key] for key in sorted(chosen)], others


def nearest(days: Sequence[float], target: float, window: float) -> int | None:
    """Index of the value nearest to a target, if it is within a window; of two that are as near, the earlier day.

    Parameters
    ----------
    days
        Days of visits, in any order, on the target's scale.
    target
        Day of the scan.
    window
        Largest distance in days, itself allowed.
    """
    best = min(range(len(days)), key=lambda index: (abs(days[index] - target), days[index]), default=None)
    return best if best is not None and abs(days[best] - target) <= window else None

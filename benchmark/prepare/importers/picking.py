"""One image of a session, and a line for each session in which two are as good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmark.prepare.importers.choice import one_a_session
from benchmark.prepare.importers.files import relative
from benchmark.prepare.importers.record import LeftOut, Scan


def pick(
    scans: Sequence[Scan], rank: Callable[[Scan], Any], folder: Path, left_out: list[LeftOut], ambiguous: list[str]
) -> list[Scan]:
    """One scan a session; images that rank equal are told of.

    Parameters
    ----------
    scans
        Any number a session.
    rank
        Smallest is best.
    folder
        Of the download, for the names in the lists.
    left_out, ambiguous
        Are extended.
    """
    best: dict[tuple[str, str], list[Scan]] = {}
    for scan in scans:
        best.setdefault((scan.subject_id, scan.session_id), []).append(scan)
    for (subject, session), several in sorted(best.items()):
        first = min(map(rank, several))
        equal = sorted(relative(scan.image, folder) for scan in several if rank(scan) == first)
        if len(equal) > 1:
            ambiguous.append(f"{subject} {session}: {' and '.join(equal)} are as good; the first is used")
    chosen, others = one_a_session(scans, rank, lambda scan: relative(scan.image, folder))
    left_out += others
    return chosen

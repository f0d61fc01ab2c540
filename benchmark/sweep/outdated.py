"""Cells of a results folder that were finished once, of another version, and why they are run again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.report.text import count
from benchmark.sweep.cell import MARKER, OWN, Cell, marker_of
from benchmark.sweep.changes import what_changed, what_changed_in_scoring
from benchmark.sweep.keys import RunParts, ScoreParts

#: Of a marker without the parts of its keys.
UNKNOWN = "made by an earlier version, which kept no record of why"

_Place = tuple[Any, ...]


def out_of_date(cells: Sequence[Cell], out: Path) -> list[str]:
    """Lines such as ``seada: 9 runs out of date: source of mine.net changed``; none where nothing is.

    A cell counts that is not done, while the results folder holds finished scores of the same method, protocol, seed
    and held-out site under another key, of which the latest are compared.

    Parameters
    ----------
    cells
        Of the sweep.
    out
        Its results folder.
    """
    due = [(cell, state) for cell in cells if (state := cell.state()) != "done"]
    if not due:
        return []
    earlier = _earlier(out)
    found: Counter[tuple[str, str, str]] = Counter()
    for cell, state in due:
        marker = earlier.get(_place(cell.__dict__))
        if marker is None:
            continue
        trained = state == "rescore"
        what = "scores of {} out of date" if trained else "{} out of date"
        found[cell.method, what, _reason(cell, marker, scoring=trained)] += 1
    lines = [f"{method}: {what.format(count(n, 'run'))}: {reason}" for (method, what, reason), n in found.items()]
    return [*lines, f"what they left stays in {out / 'cells'}"] if lines else []


def recorded_parts(cell: Cell) -> dict[str, Any]:
    """Parts of a cell's keys for its completion marker, read back by :func:`out_of_date`."""
    return {"run_parts": cell.parts.__dict__, "score_parts": cell.score_parts.__dict__}


def _reason(cell: Cell, marker: Mapping[str, Any], *, scoring: bool) -> str:
    try:
        if marker.get("run_key") == cell.run_key:
            return (
                what_changed_in_scoring(ScoreParts(**marker["score_parts"]), cell.score_parts)
                or "their scores are gone"
            )
        if scoring:
            return "the latest scores are of another training"
        return what_changed(RunParts(**marker["run_parts"]), cell.parts) or UNKNOWN
    except (KeyError, TypeError, AttributeError):
        return UNKNOWN


def _earlier(out: Path) -> dict[_Place, dict[str, Any]]:
    """The latest marker of every place."""
    folder = out / "cells"
    files = [*folder.glob(f"*/{MARKER}"), *folder.glob(f"*/{OWN}*/{MARKER}")]
    found = {}
    for file in sorted(files, key=lambda path: path.stat().st_mtime_ns):
        marker = marker_of(file.parent)
        if marker:
            found[_place(marker)] = marker
    return found


def _place(fields: Mapping[str, Any]) -> _Place:
    return tuple(json.dumps(fields.get(name)) for name in ("method", "protocol", "held_out_site", "seed"))

"""Runs of a results folder that were finished once, of another version, and why they are repeated."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.report.text import count
from benchmark.sweep.changes import what_changed, what_changed_in_scoring
from benchmark.sweep.keys import RunParts, ScoreParts
from benchmark.sweep.run import RUNS, Run, marker_files, marker_of

#: Of a marker without the parts of its keys.
UNKNOWN = "made by an earlier version, which kept no record of why"

#: What :data:`benchmark.sweep.run.RUNS` was called in earlier versions.
OLD_RUNS = "cells"

_Place = tuple[Any, ...]


def out_of_date(runs: Sequence[Run], out: Path) -> list[str]:
    """Lines such as ``seada: 9 runs out of date: source of mine.net changed``; none where nothing is.

    A run counts that is not done, while the results folder holds finished scores of the same method, protocol, seed
    and held-out site under another key, of which the latest are compared.

    Parameters
    ----------
    runs
        Of the sweep.
    out
        Its results folder.
    """
    due = [(run, state) for run in runs if (state := run.state()) != "done"]
    if not due:
        return []
    earlier = _earlier(out)
    found: Counter[tuple[str, str, str]] = Counter()
    for run, state in due:
        marker = earlier.get(_place(run.__dict__))
        if marker is None:
            continue
        trained = state == "rescore"
        what = "scores of {} out of date" if trained else "{} out of date"
        found[run.method, what, _reason(run, marker, scoring=trained)] += 1
    lines = [f"{method}: {what.format(count(n, 'run'))}: {reason}" for (method, what, reason), n in found.items()]
    lines += [f"what they left stays in {out / RUNS}"] if lines else []
    old = out / OLD_RUNS
    if old.is_dir():
        lines.append(f"{old} is of an older version and not used; runs are made again in {out / RUNS}, and it can go")
    return lines


def recorded_parts(run: Run) -> dict[str, Any]:
    """Parts of a run's keys for its completion marker, read back by :func:`out_of_date`."""
    return {"run_parts": run.parts.__dict__, "score_parts": run.score_parts.__dict__}


def _reason(run: Run, marker: Mapping[str, Any], *, scoring: bool) -> str:
    try:
        if marker.get("run_key") == run.run_key:
            return (
                what_changed_in_scoring(ScoreParts(**marker["score_parts"]), run.score_parts) or "their scores are gone"
            )
        if scoring:
            return "the latest scores are of another training"
        return what_changed(RunParts(**marker["run_parts"]), run.parts) or UNKNOWN
    except (KeyError, TypeError, AttributeError):
        return UNKNOWN


def _earlier(out: Path) -> dict[_Place, dict[str, Any]]:
    """The latest marker of every place."""
    found = {}
    for file in sorted(marker_files(out), key=lambda path: path.stat().st_mtime_ns):
        marker = marker_of(file.parent)
        if marker:
            found[_place(marker)] = marker
    return found


def _place(fields: Mapping[str, Any]) -> _Place:
    return tuple(json.dumps(fields.get(name)) for name in ("method", "protocol", "held_out_site", "seed"))

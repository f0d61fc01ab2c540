"""What is known so far while a sweep goes on: a line for each method as its runs of a protocol come to their end."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.errors import UserError
from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, TRAVELLING_TOP1
from benchmark.report.summary import Entry, sections
from benchmark.report.text import MISSING, count
from benchmark.results.read import read_table
from benchmark.results.schema import SCORES, joined
from benchmark.sweep.run import Run

MLP = next(column for column in LEAKAGE if column.key == "mlp_standardised")
#: Said once, before the first of them.
HEAD = "finished so far (leakage: MLP std.; mAP: across sites; top-1: travelling subjects; all tables at the end):"


class Parts:
    """The parts of a sweep, which are the runs of one method under one protocol, as they come to their end.

    Numbers are those of the wide tables, of the seeds of which every run is there; nothing is scored for them.

    Parameters
    ----------
    runs
        All runs of the sweep.
    missing
        Those that are due.
    """

    def __init__(self, runs: Sequence[Run], missing: Sequence[Run]) -> None:
        self._runs: dict[tuple[str, str], list[Run]] = {}
        for run in runs:
            self._runs.setdefault(_part(run), []).append(run)
        self._open = dict.fromkeys(self._runs, 0)
        for run in missing:
            self._open[_part(run)] += 1
        self._widths = [max((len(part[place]) for part in self._runs), default=0) for place in (0, 1)]
        self._told = False

    def end(self, run: Run) -> list[str]:
        """Lines to say now that a run has ended; none where others of its part are due."""
        part = _part(run)
        self._open[part] -= 1
        if self._open[part]:
            return []
        lines = [self._line(part)] if self._told else [HEAD, self._line(part)]
        self._told = True
        return lines

    def _line(self, part: tuple[str, str]) -> str:
        by_seed: dict[int, list[Run]] = {}
        for run in self._runs[part]:
            by_seed.setdefault(run.seed, []).append(run)
        whole = [runs for runs in by_seed.values() if all(run.state() == "done" for run in runs)]
        names = "  ".join(name.ljust(width) for name, width in zip(part, self._widths, strict=True))
        start = f"{names}  {len(whole)} of {count(len(by_seed), 'seed')}"
        done = [run for runs in whole for run in runs]
        try:
            scores = joined([read_table(run.scores_folder / SCORES).assign(**run.place) for run in done])
            (section,) = sections(scores, [MLP, CROSS_SITE_MAP, TRAVELLING_TOP1], part[:1])
        except (UserError, OSError, ValueError):
            # There is none, or one is damaged, which the sweep finds out at its end: here it is no reason to stop.
            return start
        leakage, found, top1 = section.entries[part[0]].values()
        return f"{start}  leakage {_with_chance(leakage)}  mAP {_with_chance(found)}  top-1 {_number(top1.mean)}"


def _part(run: Run) -> tuple[str, str]:
    return run.method, run.protocol


def _with_chance(entry: Entry) -> str:
    return f"{_number(entry.mean)}{'' if math.isnan(entry.chance) else f' (chance {entry.chance:.2f})'}"


def _number(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:.2f}"

"""One scoring of made-up embeddings, and a few images read: what else a sweep costs on the machine at hand."""

from __future__ import annotations

import io
import time
from collections.abc import Hashable
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from benchmark.data.preprocessing import Preprocessing
from benchmark.metrics.evaluate import score_all
from benchmark.metrics.rows import to_frame, to_replicates
from benchmark.metrics.settings import EvaluationSettings
from benchmark.sweep.calibration import MIB, quiet
from benchmark.sweep.memory import memory_mib
from benchmark.sweep.synthetic import synthetic_embeddings
from benchmark.sweep.timing import clock

#: Scans that are scored first; all of them are, where that promises to take no more than so many seconds.
SCORED_FEW = 300
FULL_SECONDS = 5.0
#: Power of the number of scans that the time of scoring is taken to grow with: ranking grows with the square, probes
#: about in proportion up to ``probe_scans``.
GROWTH = 1.5


@dataclass(frozen=True)
class ScoringCost:
    """What scoring one cell's embeddings costs.

    Attributes
    ----------
    seconds, memory_mib
        Time, and memory of the process beside that of its libraries.
    disk_mib
        Embeddings, scores and replicates.
    problem
        Why it could not be timed; empty if it could.
    """

    seconds: float = 0.0
    memory_mib: float = 0.0
    disk_mib: float = 0.0
    problem: str = ""


def measure_scoring(scans: pd.DataFrame, settings: EvaluationSettings, held_out: str, anatomy: bool) -> dict[str, Any]:
    """Fields of the :class:`ScoringCost` of a cell with these scans, measured in this process.

    Parameters
    ----------
    scans
        Scans table.
    settings
        How embeddings are scored.
    held_out
        Site that alone is scored; "" for all.
    anatomy
        Whether the true anatomy is known.
    """
    with quiet():
        try:
            return asdict(_scoring(scans, settings, held_out, anatomy))
        except Exception as error:  # noqa: BLE001 (as for methods)
            return asdict(ScoringCost(problem=f"{type(error).__name__}: {' '.join(str(error).split())}"))


def _scoring(scans: pd.DataFrame, settings: EvaluationSettings, held_out: str, anatomy: bool) -> ScoringCost:
    before, only = memory_mib(), [held_out] if held_out else None
    few = _thinned(scans, min(SCORED_FEW / len(scans), 1.0))
    # Compiled code is loaded once a worker, not once a cell.
    _timed(few, settings, only, anatomy)
    table, found, seconds = _timed(few, settings, only, anatomy)
    share = len(few) / len(scans)
    if share < 1.0 and seconds / share**GROWTH < FULL_SECONDS:
        share = 1.0
        table, found, seconds = _timed(scans, settings, only, anatomy)
    size = 0
    for frame in (table, to_frame(found), to_replicates(found)):
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        size += buffer.tell()
    return ScoringCost(seconds / share**GROWTH, (memory_mib() - before) / share, size / MIB / share)


def _timed(
    scans: pd.DataFrame, settings: EvaluationSettings, only: list[str] | None, anatomy: bool
) -> tuple[pd.DataFrame, Any, float]:
    table = synthetic_embeddings(scans, anatomy)
    began = clock()
    found = score_all(table, settings, only)
    return table, found, clock() - began


def _thinned(scans: pd.DataFrame, share: float) -> pd.DataFrame:
    if share >= 1.0:
        return scans
    subjects = pd.Series(sorted(set(scans["subject_id"])))
    kept = subjects.iloc[:: max(round(1 / share), 1)]
    return scans[scans["subject_id"].isin(set(kept))].reset_index(drop=True)


def measure_store(rows: list[dict[Hashable, Any]], preprocessing: dict[str, Any]) -> dict[str, Any]:
    """Seconds of one process for one scan of a volume store, as the field ``seconds``.

    Parameters
    ----------
    rows
        A few rows of the scans table.
    preprocessing
        Settings of the volumes.
    """
    with quiet():
        load = Preprocessing(**preprocessing).load
        began = time.perf_counter()
        for row in rows:
            load(row)
        return {"seconds": (time.perf_counter() - began) / len(rows)}

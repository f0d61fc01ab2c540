"""Rows of the long score table, and what a reader must know about each metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Columns of the scores of one set of embeddings; a sweep puts method, protocol, site and seed before them.
COLUMNS = (
    "table",
    "metric",
    "version",
    "params",
    "subgroup",
    "value",
    "n",
    "reason",
    "ci_low",
    "ci_high",
    "chance",
    "higher_is_better",
)


#: Tables whose metrics see the queries of the query sites; those of the others see all scored scans.
QUERY_TABLES = frozenset({"retrieval", "identity"})


@dataclass(frozen=True)
class Metric:
    """What a metric is, apart from its number.

    Attributes
    ----------
    table
        Table it belongs to: retrieval, identity, leakage, disease or structure.
    name
        Name within the table.
    version
        Goes up with every change that changes numbers.
    higher_is_better
        Direction; False for leakage.
    lowest, highest
        Bounds of the value.
    """

    table: str
    name: str
    version: int
    higher_is_better: bool
    lowest: float = 0.0
    highest: float = 1.0


@dataclass(frozen=True)
class Score:
    """One value of a metric; undefined is NaN with a reason, never 0.

    Attributes
    ----------
    metric
        What was measured.
    params
        How, as canonical text (:func:`key_values`).
    value
        The value, within the metric's bounds, or NaN.
    n
        Items it was computed over: queries, scans or subjects, as the metric says.
    subgroup
        Part of the data it was computed over, as canonical text; empty for all.
    reason
        Why the value is NaN, or which items it leaves out; empty otherwise.
    ci_low, ci_high
        95 % interval, or NaN.
    chance
        Value that an uninformative representation is expected to get, or NaN.
    replicates
        The value on resamples of subjects, shape (resamples,), NaN where a resample leaves it undefined; None where
        it is not resampled. Two methods' replicates of the same scans are from the same resamples.
    """

    metric: Metric
    params: str
    value: float
    n: int
    subgroup: str = ""
    reason: str = ""
    ci_low: float = math.nan
    ci_high: float = math.nan
    chance: float = math.nan
    replicates: npt.NDArray[np.float64] | None = field(default=None, compare=False)


def key_values(**values: str | int | float) -> str:
    """Canonical text of parameters: ``key=value`` pairs in alphabetical order of the keys, joined by ``;``."""
    return ";".join(f"{key}={values[key]}" for key in sorted(values))


def parse_key_values(text: str) -> dict[str, str]:
    """Inverse of :func:`key_values`; all values come back as text."""
    return dict(pair.split("=", 1) for pair in text.split(";") if pair)


def to_frame(scores: Sequence[Score]) -> pd.DataFrame:
    """Long table of scores, with the columns :data:`COLUMNS`, in the order given."""
    rows = [
        (
            score.metric.table,
            score.metric.name,
            score.metric.version,
            score.params,
            score.subgroup,
            float(score.value),
            int(score.n),
            score.reason,
            float(score.ci_low),
            float(score.ci_high),
            float(score.chance),
            score.metric.higher_is_better,
        )
        for score in scores
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"version": "int64", "n": "int64"})


def to_replicates(scores: Sequence[Score]) -> pd.DataFrame:
    """Scores of the whole data that were resampled, with their replicates, in the order given.

    Columns ``table, metric, params, value, reason, n, higher_is_better`` as in the long table, and ``replicates``:
    a list of float32, one a resample.
    """
    rows = [
        (
            score.metric.table,
            score.metric.name,
            score.params,
            float(score.value),
            score.reason,
            int(score.n),
            score.metric.higher_is_better,
            score.replicates.astype(np.float32).tolist(),
        )
        for score in scores
        if score.replicates is not None and not score.subgroup
    ]
    names = ["table", "metric", "params", "value", "reason", "n", "higher_is_better", "replicates"]
    return pd.DataFrame(rows, columns=names)

"""Rows of the long score table, and what a reader must know about each metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Columns of the scores of one set of embeddings. Between ``version`` and ``subgroup`` stand those of the parameters
#: that any of the scores has; a sweep puts method, protocol, site and seed before all.
COLUMNS = (
    "table",
    "metric",
    "version",
    "subgroup",
    "value",
    "n",
    "note",
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
    """Long table of scores: :data:`COLUMNS` and a text column per parameter, in the order given."""
    return _with_parameters(
        scores,
        {
            "table": [score.metric.table for score in scores],
            "metric": [score.metric.name for score in scores],
            "version": np.array([score.metric.version for score in scores], np.int64),
        },
        {
            "subgroup": [score.subgroup for score in scores],
            "value": np.array([score.value for score in scores], np.float64),
            "n": np.array([score.n for score in scores], np.int64),
            "note": [score.reason for score in scores],
            "ci_low": np.array([score.ci_low for score in scores], np.float64),
            "ci_high": np.array([score.ci_high for score in scores], np.float64),
            "chance": np.array([score.chance for score in scores], np.float64),
            "higher_is_better": np.array([score.metric.higher_is_better for score in scores], np.bool_),
        },
    )


def to_replicates(scores: Sequence[Score]) -> pd.DataFrame:
    """Scores of the whole data that were resampled, with their replicates, in the order given.

    Columns ``table``, ``metric``, those of the parameters, ``value, note, n, higher_is_better`` as in the long table,
    and ``replicates``: one list of float32 per score, one number per resample.
    """
    resampled = [(score, score.replicates) for score in scores if score.replicates is not None and not score.subgroup]
    kept = [score for score, _ in resampled]
    return _with_parameters(
        kept,
        {
            "table": [score.metric.table for score in kept],
            "metric": [score.metric.name for score in kept],
        },
        {
            "value": np.array([score.value for score in kept], np.float64),
            "note": [score.reason for score in kept],
            "n": np.array([score.n for score in kept], np.int64),
            "higher_is_better": np.array([score.metric.higher_is_better for score in kept], np.bool_),
            "replicates": [values.astype(np.float32).tolist() for _, values in resampled],
        },
    )


def _with_parameters(scores: Sequence[Score], before: dict[str, Any], after: dict[str, Any]) -> pd.DataFrame:
    given = [parse_key_values(score.params) for score in scores]
    names = sorted({name for one in given for name in one})
    return pd.DataFrame(before | {name: [one.get(name, "") for one in given] for name in names} | after)

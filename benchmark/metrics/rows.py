"""What a metric is, what it computes, and the rows of the long score table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

#: Types of the columns that are no text.
_KINDS = {
    **dict.fromkeys(("version", "n"), np.int64),
    **dict.fromkeys(("value", "ci_low", "ci_high", "chance"), np.float64),
    "higher_is_better": np.bool_,
}

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
class Estimate:
    """A value of a metric with what it must be read beside; undefined is NaN with a note, never 0.

    Attributes
    ----------
    value
        The value, within the metric's bounds, or NaN.
    n
        Items it was computed over: queries, scans or subjects, as the metric says.
    chance
        Value that an uninformative representation is expected to get; NaN where there is none.
    ci_low, ci_high
        95 % interval over resamples of subjects; NaN where there is none.
    p
        p-value of a permutation test; NaN where none was made.
    note
        Why the value is NaN, or which items it leaves out; empty otherwise.
    parts
        The same for parts of the data by their names, such as the sites that query; empty where there are none.
    replicates
        The value on resamples of subjects, shape (resamples,), NaN where a resample leaves it undefined; None where it
        is not resampled. Two LDRs of the same scans have theirs from the same resamples, so that their differences are
        those of pairs.
    """

    value: float
    n: int
    chance: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    p: float = math.nan
    note: str = ""
    parts: Mapping[str, Estimate] = field(default_factory=dict, repr=False)
    replicates: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    def score(self, metric: Metric, params: Mapping[str, object], **subgroup: str) -> Score:
        """The row of a metric; how it was measured, and of which part of the data, by name."""
        texts = {name: str(value) for name, value in params.items()}
        return Score(**vars(self), metric=metric, params=texts, subgroup=key_values(**subgroup))

    def scores(
        self, metric: Metric, params: Mapping[str, object], key: str, of_part: Metric | None = None
    ) -> list[Score]:
        """The row of a metric, then those of its parts.

        Parameters
        ----------
        metric, params
            Of the rows.
        key
            What a part is called in a subgroup, such as ``query_site``.
        of_part
            Metric of the parts' rows; None for the same.
        """
        parts = [part.score(of_part or metric, params, **{key: name}) for name, part in self.parts.items()]
        return [self.score(metric, params), *parts]


@dataclass(frozen=True, kw_only=True)
class Score(Estimate):
    """An estimate as a row of the long table.

    Attributes
    ----------
    metric
        What was measured.
    params
        How: the text of each parameter by its name.
    subgroup
        Part of the data it was computed over, as canonical text (:func:`key_values`); empty for all.
    """

    metric: Metric
    params: Mapping[str, str]
    subgroup: str = ""


def key_values(**values: str) -> str:
    """Canonical text of a part of the data: ``key=value`` pairs in alphabetical order of the keys, joined by ``;``."""
    return ";".join(f"{key}={values[key]}" for key in sorted(values))


def parse_key_values(text: str) -> dict[str, str]:
    """Inverse of :func:`key_values`; all values come back as text."""
    return dict(pair.split("=", 1) for pair in text.split(";") if pair)


def to_frame(scores: Sequence[Score]) -> pd.DataFrame:
    """Long table of scores: :data:`COLUMNS` and a text column per parameter, in the order given."""
    return _table(scores, COLUMNS[:3], COLUMNS[3:])


def to_replicates(scores: Sequence[Score]) -> pd.DataFrame:
    """Scores of the whole data that were resampled, with their replicates, in the order given.

    Columns ``table``, ``metric``, those of the parameters, ``value, note, n, higher_is_better`` as in the long table,
    and ``replicates``: one list of float32 per score, one number per resample.
    """
    kept = [score for score in scores if score.replicates is not None and not score.subgroup]
    return _table(kept, ("table", "metric"), ("value", "note", "n", "higher_is_better", "replicates"))


def _table(scores: Sequence[Score], before: Sequence[str], after: Sequence[str]) -> pd.DataFrame:
    """Columns of scores, with those of their parameters in between."""
    parameters = sorted({name for score in scores for name in score.params})
    columns: dict[str, list[Any]] = {name: [_value(score, name) for score in scores] for name in before}
    columns |= {name: [score.params.get(name, "") for score in scores] for name in parameters}
    columns |= {name: [_value(score, name) for score in scores] for name in after}
    return pd.DataFrame(columns).astype({name: kind for name, kind in _KINDS.items() if name in columns})


def _value(score: Score, column: str) -> Any:
    if column == "replicates":
        return None if score.replicates is None else score.replicates.astype(np.float32).tolist()
    if column == "metric":
        return score.metric.name
    return getattr(score.metric if hasattr(score.metric, column) else score, column)

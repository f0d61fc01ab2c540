"""What a metric computes from arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmark.metrics.rows import Metric, Score, key_values


@dataclass(frozen=True)
class Estimate:
    """A value of a metric with what it must be read beside; undefined is NaN with a note, never 0.

    Attributes
    ----------
    value
        The value, or NaN.
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
        The value on resamples of subjects, shape (resamples,); None where it is not resampled. Two LDRs of the same
        scans have theirs from the same resamples, so that their differences are those of pairs.
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

    @classmethod
    def of(cls, score: Score, parts: Mapping[str, Estimate]) -> Estimate:
        """What a row says."""
        low, high = score.ci_low, score.ci_high
        return cls(score.value, score.n, score.chance, low, high, math.nan, score.reason, parts, score.replicates)

    def score(self, metric: Metric, params: str, subgroup: str = "") -> Score:
        """The row of a metric."""
        low, high = self.ci_low, self.ci_high
        return Score(metric, params, self.value, self.n, subgroup, self.note, low, high, self.chance, self.replicates)

    def scores(self, metric: Metric, params: str, key: str, of_part: Metric | None = None) -> list[Score]:
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
        parts = [one.score(of_part or metric, params, key_values(**{key: name})) for name, one in self.parts.items()]
        return [self.score(metric, params), *parts]

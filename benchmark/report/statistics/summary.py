"""All statistics between methods for the headline columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.report.columns import Column
from benchmark.report.statistics.cells import ScoreCells, score_cells
from benchmark.report.statistics.detectable import detectable_differences
from benchmark.report.statistics.hierarchical import hierarchical_bootstrap
from benchmark.report.statistics.intervals import INTERVAL_COLUMNS, interval_rows
from benchmark.report.statistics.paired import comparisons
from benchmark.report.statistics.ranks import RANK_COLUMNS, rank_rows
from benchmark.report.statistics.settings import StatisticsSettings


@dataclass(frozen=True)
class Statistics:
    """Statistics between methods, in long tables.

    Attributes
    ----------
    intervals
        Mean and interval per protocol, score and method
        (:func:`benchmark.report.statistics.intervals.interval_rows`).
    comparisons
        Difference, interval and p per protocol, score and pair
        (:func:`benchmark.report.statistics.paired.comparisons`).
    ranks
        Rank and its distribution per protocol, score and method (:func:`benchmark.report.statistics.ranks.rank_rows`).
    detectable
        Smallest detectable difference per protocol and score
        (:func:`benchmark.report.statistics.detectable.detectable_differences`).
    columns
        The columns shown, by key, which is ``score`` in the tables.
    settings
        How the statistics were made.
    """

    intervals: pd.DataFrame
    comparisons: pd.DataFrame
    ranks: pd.DataFrame
    detectable: pd.DataFrame
    columns: Mapping[str, Column]
    settings: StatisticsSettings


def statistics(
    replicates: pd.DataFrame, columns: Sequence[Column], settings: StatisticsSettings | None = None
) -> Statistics:
    """Intervals, comparisons, ranks and detectable differences; the order of rows has no effect.

    Parameters
    ----------
    replicates
        Table with the columns :data:`benchmark.report.statistics.cells.REPLICATE_COLUMNS`.
    columns
        Scores to look at.
    settings
        How; the defaults if None.

    Raises
    ------
    UserError
        If the table lacks a column, cells cannot be paired, or the reference method is not there.
    """
    how = settings or StatisticsSettings()
    scores = [
        (cells, hierarchical_bootstrap(cells, how.resamples, how.seed)) for cells in score_cells(replicates, columns)
    ]
    compared = comparisons(scores, how.reference, how.primary_scores)
    return Statistics(
        intervals=_frame((row for pair in scores for row in interval_rows(*pair)), INTERVAL_COLUMNS),
        comparisons=compared,
        ranks=_frame((row for pair in scores for row in rank_rows(*pair, _of(compared, pair[0]))), RANK_COLUMNS),
        detectable=detectable_differences(compared, how.power),
        columns={column.key: column for column in columns},
        settings=how,
    )


def _of(compared: pd.DataFrame, cells: ScoreCells) -> pd.DataFrame:
    return compared[(compared["protocol"] == cells.protocol) & (compared["score"] == cells.score)]


def _frame(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns))

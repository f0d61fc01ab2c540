"""All statistics between methods for the headline columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from benchmark.report.columns import HEADLINES, Column, pair_of, with_labels
from benchmark.report.statistics.detectable import detectable_differences
from benchmark.report.statistics.hierarchical import hierarchical_bootstrap
from benchmark.report.statistics.intervals import interval_table
from benchmark.report.statistics.paired import comparisons
from benchmark.report.statistics.ranks import rank_table
from benchmark.report.statistics.runs import ScoreRuns, score_runs
from benchmark.report.statistics.settings import StatisticsSettings
from benchmark.report.statistics.stored import TABLES


@dataclass(frozen=True)
class Statistics:
    """Statistics between methods, in long tables.

    Attributes
    ----------
    intervals
        Mean and interval per protocol, score and method
        (:func:`benchmark.report.statistics.intervals.interval_table`).
    comparisons
        Difference, interval and p per protocol, score and pair
        (:func:`benchmark.report.statistics.paired.comparisons`).
    ranks
        Rank and its distribution per protocol, score and method (:func:`benchmark.report.statistics.ranks.rank_table`).
    detectable
        Smallest detectable difference per protocol and score
        (:func:`benchmark.report.statistics.detectable.detectable_differences`).
    columns
        The columns shown, by key, which is ``score`` in the tables.
    shared
        By protocol, the share of test subjects that two seeds have in common; protocols without any are absent.
    """

    intervals: pd.DataFrame
    comparisons: pd.DataFrame
    ranks: pd.DataFrame
    detectable: pd.DataFrame
    columns: Mapping[str, Column]
    shared: Mapping[str, float] = field(default_factory=dict)


def statistics(
    replicates: pd.DataFrame,
    columns: Sequence[Column] = HEADLINES,
    settings: StatisticsSettings | None = None,
    bounds: Collection[str] = (),
    shared: Mapping[str, float] | None = None,
) -> Statistics:
    """Intervals, comparisons, ranks and detectable differences; the order of rows has no effect.

    Parameters
    ----------
    replicates
        Table as :func:`benchmark.results.write.write_replicates` takes it.
    columns
        Scores to look at.
    settings
        How; the defaults if None.
    bounds
        Methods that are no candidates.
    shared
        By protocol, the share of test subjects that two seeds have in common
        (:mod:`benchmark.report.statistics.shared_subjects`).

    Raises
    ------
    UserError
        If the table lacks a column, runs cannot be paired, or the reference method is not there.
    """
    how = settings or StatisticsSettings()
    replicates = replicates[~replicates["method"].isin(list(bounds))]
    columns = with_labels(columns, pair_of(replicates))
    scores = [
        (runs, hierarchical_bootstrap(runs, how.resamples, how.seed))
        for runs in score_runs(replicates, columns, shared)
    ]
    compared = comparisons(scores, how.reference, how.primary_scores)
    return Statistics(
        intervals=_joined("intervals", [interval_table(*pair) for pair in scores]),
        comparisons=compared,
        ranks=_joined("ranks", [rank_table(*pair, _of(compared, pair[0])) for pair in scores]),
        detectable=detectable_differences(compared),
        columns={column.key: column for column in columns},
        shared=shared or {},
    )


def _of(compared: pd.DataFrame, runs: ScoreRuns) -> pd.DataFrame:
    return compared[(compared["protocol"] == runs.protocol) & (compared["score"] == runs.score)]


def _joined(name: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(TABLES[name]))

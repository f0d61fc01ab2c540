"""Interval plots and critical-difference diagrams of a results folder."""

from __future__ import annotations

import pandas as pd

from benchmark.report.about import About
from benchmark.report.columns import HEADLINES, pair_of, with_labels
from benchmark.report.statistics.diagram import critical_difference_diagram, interval_diagram
from benchmark.report.statistics.stored import stored_statistics
from benchmark.report.summary import known_first
from benchmark.results.read import StoredResults


def statistics_figures(results: StoredResults) -> dict[str, str]:
    """Interval plots and critical-difference diagrams of the headlines, protocol by protocol, SVG by title.

    They are drawn from ``statistics_intervals.csv`` and ``statistics_ranks.csv``, which say what ``statistics.md``
    says; without these there are none. There is no interval plot of a score without intervals, and no diagram without
    a critical difference (fewer than three methods or two seeds).

    Parameters
    ----------
    results
        Of a sweep or of evaluate.

    Raises
    ------
    UserError
        If a file that is there cannot be used.
    """
    about = About.of(results.provenance)
    intervals, ranks = (stored_statistics(results.folder, name) for name in ("intervals", "ranks"))
    if intervals is None or ranks is None:
        return {}
    figures = {}
    for protocol in known_first(intervals["protocol"]):
        for column in with_labels(HEADLINES, pair_of(results.scores)):
            title = about.title(f"{column.heading}, {protocol.replace('_', ' ')}")
            part = _part(intervals, protocol, column.key)
            if part["ci_low"].notna().any() and part["value"].notna().sum() > 1:
                figures[f"{title}: means with intervals"] = interval_diagram(part, title, about.candidates)
            figures[f"{title}: ranks"] = critical_difference_diagram(_part(ranks, protocol, column.key), title)
    return {title: figure for title, figure in figures.items() if figure}


def _part(table: pd.DataFrame, protocol: str, score: str) -> pd.DataFrame:
    return table[(table["protocol"] == protocol) & (table["score"] == score)]

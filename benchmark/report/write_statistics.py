"""Files with the statistics between methods, beside the wide tables of a results folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.report.columns import HEADLINES
from benchmark.report.page.wide import REFERENCE_ROWS
from benchmark.report.statistics.diagram import critical_difference_diagram, interval_diagram
from benchmark.report.statistics.settings import StatisticsSettings
from benchmark.report.statistics.summary import Statistics, markdown, statistics
from benchmark.report.tables import REPLICATES

#: Long tables of the statistics.
TABLES = ("intervals", "comparisons", "ranks", "detectable")


def write_statistics(
    replicates: pd.DataFrame, out: Path, method_order: Sequence[str], settings: StatisticsSettings | None = None
) -> None:
    """Write ``statistics.md`` and ``statistics_*.csv``: intervals, paired comparisons, ranks, detectable differences.

    Parameters
    ----------
    replicates
        Table as :func:`benchmark.report.tables.write_replicates` takes it.
    out
        Results folder.
    method_order
        Methods in table order. The floor and the ceiling row are no candidates and are left out.
    settings
        How; the defaults if None.
    """
    found = _statistics(replicates, settings)
    for name in TABLES:
        with atomic_path(out / f"statistics_{name}.csv") as temporary:
            getattr(found, name).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    with atomic_path(out / "statistics.md") as temporary:
        temporary.write_text(markdown(found, method_order), encoding="utf-8", newline="\n")


def statistics_figures(folder: Path, method_order: Sequence[str]) -> dict[str, str]:
    """Interval plots and critical-difference diagrams of the pooled headlines, SVG by title; none without replicates.

    Parameters
    ----------
    folder
        Results folder with ``replicates.parquet``.
    method_order
        Methods in table order.
    """
    path = folder / REPLICATES
    if not path.is_file():
        return {}
    found = _statistics(pd.read_parquet(path), None)
    figures = {}
    for column in HEADLINES:
        title = f"{column.heading}, pooled"
        for kind, table in (("intervals", found.intervals), ("ranks", found.ranks)):
            part = table[(table["protocol"] == "pooled") & (table["score"] == column.key)]
            if len(part) < 2 or part["method"].nunique() < 2 or part.drop(columns=["reason"]).isna().all().any():
                continue
            if kind == "intervals":
                figures[f"{title}: means with intervals"] = interval_diagram(part, title, method_order)
            else:
                figures[f"{title}: ranks"] = critical_difference_diagram(part, title)
    return figures


def _statistics(replicates: pd.DataFrame, settings: StatisticsSettings | None) -> Statistics:
    candidates = replicates[~replicates["method"].isin(REFERENCE_ROWS)].reset_index(drop=True)
    candidates = candidates.assign(replicates=candidates["replicates"].map(lambda one: np.asarray(one, np.float64)))
    return statistics(candidates, HEADLINES, settings)

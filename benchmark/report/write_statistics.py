"""Files with the statistics between methods, beside the wide tables of a results folder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.report.about import About
from benchmark.report.columns import (
    HEADLINES,
    LEAKAGE,
    LEAKAGE_EXTENDED,
    PRESERVED,
    RETRIEVAL,
    Column,
    pair_of,
    with_labels,
)
from benchmark.report.statistics.settings import StatisticsSettings
from benchmark.report.statistics.summary import Statistics, markdown, statistics
from benchmark.report.statistics.weighted import weighted_scores
from benchmark.report.summary import ordered
from benchmark.results.read import read_provenance, read_table
from benchmark.results.schema import PROVENANCE, REPLICATES

#: Long tables of the statistics.
TABLES = ("intervals", "comparisons", "ranks", "detectable")


def write_statistics(
    replicates: pd.DataFrame,
    out: Path,
    method_order: Sequence[str],
    settings: StatisticsSettings | None = None,
    about: About | None = None,
) -> None:
    """Write ``statistics.md`` and ``statistics_*.csv``: intervals, paired comparisons, ranks, detectable differences.

    Parameters
    ----------
    replicates
        Table as :func:`benchmark.results.write.write_replicates` takes it.
    out
        Results folder.
    method_order
        Methods in table order.
    settings
        How; the defaults if None. Where they name no reference, it is the first method of the order that was scored.
    about
        Whether data are synthetic, which the title then says, and which methods are no candidates.
    """
    about = About() if about is None else about
    candidates = [method for method in method_order if method not in about.bounds]
    found = statistics_of(replicates, with_reference(settings, replicates, candidates), bounds=about.bounds)
    for name in TABLES:
        with atomic_path(out / f"statistics_{name}.csv") as temporary:
            getattr(found, name).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    with atomic_path(out / "statistics.md") as temporary:
        title, rest = markdown(found, candidates).split("\n", 1)
        text = f"{about.title(title)}\n{rest}"
        temporary.write_text(text, encoding="utf-8", newline="\n")


def with_reference(
    settings: StatisticsSettings | None, replicates: pd.DataFrame, candidates: Sequence[str]
) -> StatisticsSettings:
    """Settings whose primary comparisons are those of the first method of the order, where they name none.

    Parameters
    ----------
    settings
        The defaults if None.
    replicates
        Table of replicates.
    candidates
        Methods that compete, in table order. A first one without any score leaves no primary comparison, for another
        one in its place would be a claim that nobody declared.
    """
    how, scored = settings or StatisticsSettings(), set(replicates["method"])
    wanted = how.reference or next(iter(candidates), None)
    return replace(how, reference=wanted if wanted in scored else None)


def statistics_of(
    replicates: pd.DataFrame,
    settings: StatisticsSettings | None = None,
    columns: Sequence[Column] = HEADLINES,
    bounds: Collection[str] = (),
) -> Statistics:
    """Statistics between the methods of a table of replicates.

    Parameters
    ----------
    replicates
        Table as :func:`benchmark.results.write.write_replicates` takes it.
    settings
        How; the defaults if None.
    columns
        Scores to look at.
    bounds
        Methods that are no candidates.
    """
    candidates = replicates[~replicates["method"].isin(list(bounds))].reset_index(drop=True)
    candidates = candidates.assign(replicates=candidates["replicates"].map(lambda one: np.asarray(one, np.float64)))
    return statistics(candidates, with_labels(columns, pair_of(candidates)), settings)


def weighted_markdown(folder: Path, weights: Mapping[str, float], method_order: Sequence[str]) -> str:
    """Raw values, their weighted mean, and how much the ranking depends on the weights, as Markdown.

    Parameters
    ----------
    folder
        Results folder with ``replicates.parquet``.
    weights
        Positive weights by column key, such as ``map_cn_ad``; only scores bounded in [0, 1].
    method_order
        Methods in table order.

    Raises
    ------
    UserError
        If the folder holds no replicates, a key is no column, or a weight or score is not allowed.
    """
    path = folder / REPLICATES
    if not path.is_file():
        raise UserError(
            f"weights: {folder} holds no {REPLICATES}; the sweep or evaluate that made the scores writes it"
        )
    known = {column.key: column for column in (*RETRIEVAL, *LEAKAGE, *LEAKAGE_EXTENDED, *PRESERVED)}
    for key in weights:
        if key not in known:
            raise UserError(f"weights: no column '{key}'; columns: {', '.join(sorted(known))}")
    replicates = read_table(path)
    columns = with_labels([known[key] for key in weights], pair_of(replicates))
    about = About.of(read_provenance(folder / PROVENANCE)) or About()
    intervals = statistics_of(replicates, None, columns, about.bounds).intervals
    rated = weighted_scores(intervals, weights)
    lines = ["# Weighted score", "", "Weights: " + ", ".join(f"{key} {weights[key]:g}" for key in weights) + "."]
    for protocol in dict.fromkeys(rated["protocol"]):
        part = rated[rated["protocol"] == protocol].set_index("method")
        raw = intervals[intervals["protocol"] == protocol].pivot(index="method", columns="score", values="value")
        header = ["method", *(column.heading for column in columns), "weighted", "rank", "best under", "ranks"]
        lines += ["", f"## {protocol}", "", _line(header), _line(["---", *["---:"] * (len(header) - 1)])]
        for method in ordered(part.index, [one for one in method_order if one in part.index]):
            row = part.loc[method]
            values = [f"{raw.loc[method].get(column.key, np.nan):.{column.digits}f}" for column in columns]
            lines.append(
                _line(
                    [
                        method,
                        *values,
                        f"{row['weighted']:.3f}",
                        f"{row['rank']:g}",
                        f"{row['share_best']:.0%}",
                        f"{row['rank_best']:g} to {row['rank_worst']:g}",
                    ]
                )
            )
    lines += [
        "",
        "- weighted: weighted mean of the values, of one minus the value where lower is better. best under, ranks: "
        "share of random weightings of these columns under which the method ranks first, and its extreme ranks.",
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

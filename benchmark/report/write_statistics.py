"""Files with the statistics between methods, beside the wide tables of a results folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.report.about import About
from benchmark.report.blocks import Block, heading, items, paragraph, table, to_markdown
from benchmark.report.columns import EVERY_COLUMN, HEADLINES, pair_of, with_labels
from benchmark.report.grid import Cell, number
from benchmark.report.pairing import save_headline_replicates
from benchmark.report.statistics.report import TITLE, statistics_blocks
from benchmark.report.statistics.settings import StatisticsSettings
from benchmark.report.statistics.stored import TABLES, made_by_older_release, stored_statistics, table_path
from benchmark.report.statistics.summary import Statistics, statistics
from benchmark.report.statistics.weighted import weighted_scores
from benchmark.report.summary import in_order
from benchmark.results.read import StoredResults, read_provenance, read_table
from benchmark.results.schema import PROVENANCE, REPLICATES


def write_statistics(
    replicates: pd.DataFrame, out: Path, about: About, settings: StatisticsSettings | None = None
) -> None:
    """Write ``statistics.md`` and ``statistics_*.csv``: intervals, paired comparisons, ranks, detectable differences.

    Beside them ``replicates_headline.parquet``, from which others pair their methods with these.

    Parameters
    ----------
    replicates
        Table as :func:`benchmark.results.write.write_replicates` takes it.
    out
        Results folder.
    about
        Methods in table order, and which of them are no candidates. The title says of synthetic data that they are.
    settings
        How; the defaults if None. Where they name no reference, it is the first method of the order that was scored.
    """
    how = with_reference(settings, replicates, about.candidates)
    save_headline_replicates(replicates, out)
    found = statistics(replicates, settings=how, bounds=about.bounds, shared=about.shared_subjects)
    for name in TABLES:
        with atomic_path(table_path(out, name)) as temporary:
            getattr(found, name).to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    with atomic_path(out / "statistics.md") as temporary:
        text = to_markdown(statistics_blocks(found, about.candidates, about.title(TITLE)))
        temporary.write_text(text, encoding="utf-8", newline="\n")


def stored_blocks(results: StoredResults) -> list[Block]:
    """What ``statistics.md`` of a results folder says, from the tables beside it; nothing where there are none.

    Parameters
    ----------
    results
        Of a sweep or of evaluate.

    Raises
    ------
    UserError
        If one of the tables is missing or cannot be used.
    """
    folder = results.folder
    if folder is None:
        return []
    paths = [table_path(folder, name) for name in TABLES]
    absent = [path for path in paths if not path.is_file()]
    if len(absent) == len(paths):
        return []
    if absent:
        raise UserError(f"{absent[0]}: is missing, beside other tables of the statistics")
    about = About.of(results.provenance)
    title = about.title(TITLE)
    if made_by_older_release(folder):
        return [heading(title, 1), paragraph("An older release made them; they stand in `statistics.md` alone.")]
    columns = with_labels(HEADLINES, pair_of(results.scores))
    tables: dict[str, Any] = {name: stored_statistics(folder, name) for name in TABLES}
    found = Statistics(**tables, columns={column.key: column for column in columns}, shared=about.shared_subjects)
    return statistics_blocks(found, about.candidates, title)


def with_reference(
    settings: StatisticsSettings | None, replicates: pd.DataFrame, candidates: Sequence[str]
) -> StatisticsSettings:
    """Settings whose primary comparisons are those of the first candidate, where they name none.

    A first one without any score leaves no primary comparison, for another one in its place would be a claim that
    nobody declared.
    """
    how = settings or StatisticsSettings()
    wanted = how.reference or next(iter(candidates), None)
    return replace(how, reference=wanted if wanted in set(replicates["method"]) else None)


def weighted_blocks(folder: Path, weights: Mapping[str, float]) -> list[Block]:
    """Raw values, their weighted mean, and how much the ranking depends on the weights.

    Parameters
    ----------
    folder
        Results folder with ``replicates.parquet``.
    weights
        Positive weights by column key, such as ``map_cn_ad``; only scores bounded in [0, 1].

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
    known = {column.key: column for column in EVERY_COLUMN}
    for key in weights:
        if key not in known:
            raise UserError(f"weights: no column '{key}'; columns: {', '.join(sorted(known))}")
    replicates = read_table(path)
    about = About.of(read_provenance(folder / PROVENANCE))
    found = statistics(replicates, [known[key] for key in weights], bounds=about.bounds, shared=about.shared_subjects)
    columns, intervals = found.columns.values(), found.intervals
    blocks = [
        heading("Weighted score", 1),
        paragraph("Weights: " + ", ".join(f"{key} {weights[key]:g}" for key in weights) + "."),
    ]
    for protocol, part in weighted_scores(intervals, weights).groupby("protocol", sort=False):
        here = intervals[intervals["protocol"] == protocol]
        raw = here.set_index(["score", "method"])["value"].to_dict()
        rated: dict[Any, dict[Any, Any]] = part.set_index("method").to_dict("index")
        rows = [
            [
                Cell(method),
                *(number(raw.get((column.key, method), math.nan), column.digits) for column in columns),
                number(rated[method]["weighted"]),
                _plain(rated[method]["rank"]),
                _percent(rated[method]["share_best"]),
                _plain(rated[method]["rank_best"], f" to {rated[method]['rank_worst']:g}"),
            ]
            for method in in_order(map(str, rated), about.methods)
        ]
        headers = ["method", *(column.heading for column in columns), "weighted", "rank", "best under", "ranks"]
        blocks += [heading(str(protocol), 2), table(headers, rows)]
    note = (
        "weighted: weighted mean of the values, of one minus the value where lower is better. best under, ranks: "
        "share of random weightings of these columns under which the method ranks first, and its extreme ranks."
    )
    return [*blocks, items([note])]


def _plain(value: float, rest: str = "") -> Cell:
    return replace(number(value), text=f"{value:g}{rest}") if math.isfinite(value) else number(value)


def _percent(value: float) -> Cell:
    return replace(number(value), text=f"{value:.0%}") if math.isfinite(value) else number(value)

"""An index page over several results folders: every method of each, to be sorted and filtered, with its card."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from benchmark.errors import UserError
from benchmark.report.about import About
from benchmark.report.columns import CROSS_SITE_MAP, DISEASE_PROBE, LEAKAGE, PAIR, TRAVELLING_TOP1, Column, pair_of
from benchmark.report.grid import Cell, Header, number
from benchmark.report.page.assets import data_uri, rendered
from benchmark.report.statistics.stored import stored_comparisons, stored_statistics
from benchmark.report.summary import Entry, Section, sections
from benchmark.report.ties import told, with_ties
from benchmark.report.wide_tables import WideTable, direction
from benchmark.results.read import StoredResults

#: What the page shows of a method; more is in the report of its folder.
COLUMNS: Sequence[Column] = (
    CROSS_SITE_MAP,
    TRAVELLING_TOP1,
    DISEASE_PROBE,
    *(column for column in LEAKAGE if column.key in ("mlp_standardised", "mlp_whitened", "effective_rank")),
)

YES, NO, UNKNOWN = "yes", "no", "not stated"


@dataclass(frozen=True)
class Row:
    """A method in one protocol of one results folder.

    Attributes
    ----------
    folder, protocol, method
        Which one.
    note
        Why it does not compete; empty where it does.
    labels
        What mAP and probe tell apart, where it is not CN and AD.
    scores
        A cell per column of :data:`COLUMNS`.
    chance
        Their levels as text, empty where there is none.
    facts
        Whether it needs a scan's site, sees diagnoses in training, and is transductive: yes, no or not stated.
    seeds
        Number of seeds with every run.
    data
        Start of the digest of the data that were measured on; empty where the folder does not say.
    synthetic
        Whether these are of a phantom.
    card
        Name and text of what its card says.
    intervals
        Headings, values, 95 % intervals and chance levels of the columns that have a value.
    report
        Address of the folder's report; empty where there is none.
    """

    folder: str
    protocol: str
    method: str
    note: str
    labels: str
    scores: Sequence[Cell]
    chance: Sequence[str]
    facts: Sequence[str]
    seeds: int
    data: str
    synthetic: bool
    card: Sequence[tuple[str, str]]
    intervals: Sequence[tuple[str, str, str, str]]
    report: str


def render_leaderboard(results: Mapping[str, StoredResults], reports: Mapping[str, str] | None = None) -> str:
    """The page as text; equal input gives equal text.

    Parameters
    ----------
    results
        By the name of the folder (:func:`names_of`), in the order of the page.
    reports
        Paths of their reports by the same names, relative to the page.

    Raises
    ------
    UserError
        If a results folder holds no score, or its statistics or cards cannot be used.
    """
    rows = [row for name, found in results.items() for row in _rows(name, found, (reports or {}).get(name, ""))]
    headings = [column.heading for column in COLUMNS]
    directions = [True, True, True, False, False, None]
    names = ["method", "results", "protocol"]
    facts = ["needs site", "supervised", "transductive", "seeds", "data"]
    return rendered(
        "leaderboard.html.j2",
        ["sort.js", "leaderboard.js"],
        rows=rows,
        headers=[*map(Header, names), *map(Header, headings, directions), *map(Header, facts)],
        folders=list(results),
        protocols=sorted({row.protocol for row in rows}),
        synthetic=[name for name in results if any(row.synthetic for row in rows if row.folder == name)],
        marked=told({row.method: row.note for row in rows if row.note}),
        download=data_uri("text/csv;charset=utf-8", leaderboard_csv(rows)),
    )


def names_of(folders: Sequence[Path]) -> dict[Path, str]:
    """A name for each folder: as much of the end of its path as no other has.

    Raises
    ------
    UserError
        If a folder is given twice.
    """
    parts = {folder: folder.resolve().parts for folder in folders}
    names = {}
    for folder, own in parts.items():
        others = [each for other, each in parts.items() if other is not folder]
        if own in others or folders.count(folder) > 1:
            raise UserError(f"results: {folder} is given twice")
        length = 1
        while any(own[-length:] == each[-length:] for each in others):
            length += 1
        names[folder] = "/".join(own[-length:]).lstrip("/")
    return names


def leaderboard_csv(rows: Sequence[Row]) -> bytes:
    """The rows of the page as CSV."""
    keys = ["needs_site", "supervised", "transductive"]
    table = pd.DataFrame(
        [
            {
                "results": row.folder,
                "protocol": row.protocol,
                "method": row.method,
                "not_competing": row.note,
                **{column.key: cell.value for column, cell in zip(COLUMNS, row.scores, strict=True)},
                **dict(zip(keys, row.facts, strict=True)),
                "seeds": row.seeds,
                "data": row.data,
                "synthetic": row.synthetic,
            }
            for row in rows
        ]
    )
    return table.to_csv(index=False, lineterminator="\n").encode()


def _rows(name: str, results: StoredResults, report: str) -> Iterator[Row]:
    scores, about = results.scores, About.of(results.provenance)
    if scores.empty:
        raise UserError(f"{results.folder}: the scores hold no row, so there is nothing to show")
    methods = about.order(scores["method"].unique())
    directions = {column.key: direction(column.rows(scores)["higher_is_better"]) for column in COLUMNS}
    # By the rank alone nobody is better.
    directions["effective_rank"] = None
    parts = [replace(part, bounds=about.bounds) for part in sections(scores, COLUMNS, methods)]
    plain, compared = WideTable("", "", COLUMNS, (), parts, directions), stored_comparisons(results.folder)
    (table,) = with_ties([plain], compared, about.shared_subjects)
    intervals = stored_statistics(results.folder, "intervals")
    ends: dict[tuple[str, str, str], tuple[float, float]] = {}
    if intervals is not None:
        of_row = zip(intervals["protocol"], intervals["score"], intervals["method"], strict=True)
        ends = dict(zip(of_row, zip(intervals["ci_low"], intervals["ci_high"], strict=True), strict=True))
    data, address, pair = _data(results.provenance), quote(report), pair_of(scores)
    for part in table.sections:
        for method in (each for each in methods if part.complete[each] or _any(part, each)):
            entries = part.entries[method]
            yield Row(
                name,
                part.protocol,
                method,
                about.bounds.get(method, ""),
                "" if pair == PAIR else pair,
                [_cell(part, method, column) for column in COLUMNS],
                [_text(entries[column.key].chance, column) for column in COLUMNS],
                _facts(about, method),
                part.complete[method],
                data,
                about.synthetic,
                list(_card(about, part.protocol, method, results.provenance)),
                [
                    (
                        column.heading,
                        _text(entries[column.key].mean, column),
                        _interval(ends.get((part.protocol, column.key, method)), column),
                        _text(entries[column.key].chance, column),
                    )
                    for column in COLUMNS
                    if math.isfinite(entries[column.key].mean)
                ],
                address,
            )


def _any(part: Section, method: str) -> bool:
    return any(math.isfinite(entry.mean) for entry in part.entries[method].values())


def _cell(part: Section, method: str, column: Column) -> Cell:
    entry: Entry = part.entries[method][column.key]
    cell = number(entry.mean, column.digits, entry.sd)
    return Cell(cell.text, cell.spread, cell.value, best=method in part.best.get(column.key, ()))


def _text(value: float, column: Column) -> str:
    return f"{value:.{column.digits}f}" if math.isfinite(value) else ""


def _interval(ends: tuple[float, float] | None, column: Column) -> str:
    low, high = ends or (math.nan, math.nan)
    return f"{_text(low, column)} to {_text(high, column)}" if math.isfinite(low) else ""


def _facts(about: About, method: str) -> list[str]:
    card = about.cards.get(method)
    if card is None:
        return [UNKNOWN] * 3
    return [YES if fact else NO for fact in (card.needs_site_at_test, card.sees_diagnoses, card.transductive)]


def _card(about: About, protocol: str, method: str, provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    card = about.cards.get(method)
    if card is None:
        yield "Card", "The results folder holds none of this method."
    else:
        yield "Role", card.role if card.role != "method" else about.bounds.get(method, "competes")
        yield "From", card.reference or "no paper"
        tried = f"{card.tried_settings} at least, chosen on {card.chosen_on or 'data that its file does not name'}"
        yield "Settings tried", tried if card.tried_settings else "none"
        yield "Labels used in training", ", ".join(card.uses) or "none"
        yield "Site of a scan needed", YES if card.needs_site_at_test else NO
        yield "Transductive", YES if card.transductive else NO
        yield "Augmentations imitate", ", ".join(card.augmentations_imitate) or "no family of scanner effects"
        yield "Additions to the paper", card.additions or "none"
    for note in about.notes:
        if note.startswith(f"{method}: "):
            yield "Note", note.removeprefix(f"{method}: ")
    seconds = about.seconds.get(protocol, {}).get(method)
    if seconds is not None and math.isfinite(seconds.training):
        yield "Training", f"{seconds.training:.0f} s a run{f' ({about.machine})' if about.machine else ''}"
    environment = provenance.get("environment")
    if isinstance(environment, dict) and environment.get("git_commit"):
        yield "Commit", str(environment["git_commit"])[:12]


def _data(provenance: Mapping[str, Any]) -> str:
    """Equal for folders whose runs read the same data; the first digits of a digest of the runs' digests."""
    parts = provenance.get("run_key_parts")
    runs = parts.values() if isinstance(parts, dict) else ()
    digests = sorted({str(run["data"]) for run in runs if isinstance(run, dict) and "data" in run})
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:8] if digests else ""

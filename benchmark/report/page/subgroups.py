"""Scores of parts of the data: one table per kind of part, and matrices of pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from benchmark.report.columns import CROSS_SITE_MAP, pair_of, with_labels
from benchmark.report.grid import Cell, Footnotes, Grid, Header, number, shaded
from benchmark.report.page.aggregate import only_keys
from benchmark.report.summary import in_order, known_first
from benchmark.report.text import CHANCE, MISSING
from benchmark.report.wide_tables import direction

#: Subgroup key of the sites that retrieval queries come from.
QUERY_SITE = "query_site"


@dataclass(frozen=True)
class Matrix:
    """Values of one measure, by its number in the page, and of one method, over pairs of parts."""

    measure: int
    method: str
    grid: Grid


@dataclass(frozen=True)
class Matrices:
    """All matrices of a page, and what to choose among.

    Attributes
    ----------
    measures
        Titles, in the order of their numbers.
    methods
        In table order.
    matrices
        For each measure, one per method that has it.
    """

    measures: Sequence[str]
    methods: Sequence[str]
    matrices: Sequence[Matrix]


def per_site(summaries: pd.DataFrame, methods: Sequence[str], titles: Mapping[str, str]) -> list[Grid]:
    """Cross-site mAP CN/AD per query site, a grid per protocol: methods by sites, shaded over the whole grid.

    Parameters
    ----------
    summaries
        As :func:`benchmark.report.page.aggregate.aggregate` makes them.
    methods
        In table order.
    titles
        Of the protocols.
    """
    (column,) = with_labels([CROSS_SITE_MAP], pair_of(summaries))
    heading, chosen = column.heading, column.rows(summaries)
    chosen = chosen[[list(only_keys(text)) == [QUERY_SITE] for text in chosen["subgroup"]]]
    return [
        parts_grid(
            f"site-{place}",
            f"{heading} by query site, gallery: other sites. {titles.get(protocol, protocol)}",
            chosen[chosen["protocol"] == protocol],
            QUERY_SITE,
            methods,
        )
        for place, protocol in enumerate(known_first(chosen["protocol"]), start=1)
    ]


def parts_grid(identifier: str, caption: str, rows: pd.DataFrame, key: str, methods: Sequence[str]) -> Grid:
    """Methods by the values of one subgroup key, with chance in the last row.

    Parameters
    ----------
    identifier, caption
        Of the grid.
    rows
        Summaries of one protocol, metric and set of parameters whose subgroups have this key only.
    key
        The key.
    methods
        In table order.
    """
    found = {(row["method"], only_keys(row["subgroup"])[key]): row for row in rows.to_dict("records")}
    parts = sorted({part for _, part in found})
    notes = Footnotes()
    body = [
        [Cell(method), *(_cell(found.get((method, part)), notes, 3) for part in parts)]
        for method in in_order(rows["method"], methods)
    ]
    levels = rows.assign(part=[only_keys(text)[key] for text in rows["subgroup"]]).groupby("part")["chance"].mean()
    foot = [[Cell(CHANCE), *(number(float(levels[part])) for part in parts)]] if levels.notna().any() else []
    higher = direction(rows["higher"])
    headers = [Header("method"), *(Header(part, higher) for part in parts)]
    return Grid(
        identifier, caption, headers, shaded(body, rows["mean"].min(), rows["mean"].max()), foot, notes.listed()
    )


def matrices(summaries: pd.DataFrame, methods: Sequence[str]) -> Matrices:
    """Every measure whose subgroups have exactly two keys, as one matrix per method.

    Rows are the values of the key that says what is searched with or of the first key, columns those of the other.
    Shades compare the methods: 0 is the smallest and 1 the largest value that any of them has of the measure.

    Parameters
    ----------
    summaries
        As :func:`benchmark.report.page.aggregate.aggregate` makes them.
    methods
        In table order.
    """
    keys = {text: tuple(only_keys(text)) for text in summaries["subgroup"].unique()}
    chosen = summaries[[len(keys[text]) == 2 for text in summaries["subgroup"]]]
    chosen = chosen.assign(keys=[";".join(keys[text]) for text in chosen["subgroup"]])
    measures: list[str] = []
    made: list[Matrix] = []
    for (table, metric, parameters, _), rows in chosen.groupby(["table", "metric", "parameters", "keys"]):
        settings = f" ({str(parameters).replace(';', '; ')})" if parameters else ""
        better = {True: "; higher is better", False: "; lower is better", None: ""}[direction(rows["higher"])]
        for protocol in known_first(rows["protocol"]):
            of_protocol = rows[rows["protocol"] == protocol]
            made += _of_measure(len(measures), of_protocol, in_order(of_protocol["method"], methods))
            measures.append(f"{table}: {metric}{settings}, {protocol}{better}")
    return Matrices(measures, in_order({each.method for each in made}, methods), made)


def _of_measure(place: int, rows: pd.DataFrame, methods: Sequence[str]) -> list[Matrix]:
    records = [(only_keys(row["subgroup"]), row) for row in rows.to_dict("records")]
    row_key, column_key = sorted(records[0][0], key=lambda key: not key.startswith("query"))
    found = {(row["method"], keys[row_key], keys[column_key]): row for keys, row in records}
    names, columns = sorted({name for _, name, _ in found}), sorted({column for _, _, column in found})
    lowest, highest = rows["mean"].min(), rows["mean"].max()
    headers = [Header(row_key), *map(Header, columns)]
    made = []
    for method in methods:
        notes = Footnotes()
        body = [[_cell(found.get((method, name, column)), notes, 2, "") for column in columns] for name in names]
        lines = [[Cell(name), *cells] for name, cells in zip(names, shaded(body, lowest, highest), strict=True)]
        caption = f"Rows: {row_key}; columns: {column_key}."
        made.append(Matrix(place, method, Grid("", caption, headers, lines, notes=notes.listed())))
    return made


def _cell(row: dict[Any, Any] | None, notes: Footnotes, digits: int, absent: str = MISSING) -> Cell:
    if row is None:
        return Cell(absent, value=math.nan)
    # A matrix has no room for the spread.
    sd = row["sd"] if digits > 2 else math.nan
    return replace(number(row["mean"], digits, sd), marks=notes.marks(row["note"]))

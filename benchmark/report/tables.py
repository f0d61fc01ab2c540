"""Wide tables of a results folder, as files and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.metrics.rows import parse_key_values
from benchmark.report.about import About
from benchmark.report.columns import LEAKAGE, LEAKAGE_EXTENDED, OF_HELD_OUT_SITE, PRESERVED, RETRIEVAL, Column, present
from benchmark.report.held_out import held_out_comparison, with_held_out
from benchmark.report.summary import Entry, Section, entry, groups, known_first, ordered, places_of, sections
from benchmark.report.text import footnotes, markdown, narrow
from benchmark.report.wide_tables import wide_tables
from benchmark.results.schema import SCORE_COLUMNS, arranged
from benchmark.results.write import write_csv


def shown_replicates(replicates: pd.DataFrame) -> pd.DataFrame:
    """Those rows of a table of replicates that a wide table shows: from these methods are compared in pairs."""
    shown = [column.rows(replicates).index for column in (*RETRIEVAL, *LEAKAGE, *LEAKAGE_EXTENDED, *PRESERVED)]
    chosen: pd.DataFrame = replicates.loc[np.unique(np.concatenate(shown))]
    return chosen


def write_tables(
    scores: pd.DataFrame,
    out: Path,
    method_order: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    about: About | None = None,
) -> None:
    """Write :func:`benchmark.report.wide_tables.wide_tables` as Markdown and CSV, and ``retrieval_by_site.csv``.

    Where sites are held out, ``leakage_held_out.csv`` too (:func:`benchmark.report.held_out.held_out_comparison`).

    Parameters
    ----------
    scores
        Long table with the columns :data:`benchmark.results.schema.SCORE_COLUMNS`, rows in any order.
    out
        Results folder; made where missing.
    method_order
        Methods in table order, floor and ceiling rows among them; others follow. A method without any score gets a
        row of dashes.
    notes
        Lines for the footer: the model-selection rule, what a reader must know of single methods.
    about
        What else readers are told, beside the scores.
    """
    about = About() if about is None else about
    table = with_held_out(_sorted(scores))
    out.mkdir(parents=True, exist_ok=True)
    for each in wide_tables(table, notes, about, method_order):
        parts = about.with_facts(sections(table, each.columns, method_order))
        with atomic_path(out / f"{each.name}.md") as temporary:
            text = markdown(each.title, parts, each.columns, list(each.footer))
            temporary.write_text(text, encoding="utf-8", newline="\n")
        write_csv(wide_frame(parts, each.columns), out / f"{each.name}.csv")
    write_csv(_by_site(table, method_order), out / "retrieval_by_site.csv")
    held_out = held_out_comparison(table)
    if len(held_out):
        write_csv(held_out, out / "leakage_held_out.csv")


def format_terminal(scores: pd.DataFrame, method_order: Sequence[str] | None = None, about: About | None = None) -> str:
    """Retrieval and leakage, and that of held-out sites, narrow enough for a terminal of 120 columns."""
    about = About() if about is None else about
    table = with_held_out(_sorted(scores))
    wide = wide_tables(table, (), about, method_order)
    shown = [(each.title, each.columns) for each in wide if each.name in ("retrieval", "leakage")]
    of_held_out = present(OF_HELD_OUT_SITE, table)
    if of_held_out:
        shown.append((about.title("Leakage of the held-out site"), of_held_out))
    return "\n".join(narrow(title, sections(table, columns, method_order), columns) for title, columns in shown)


def _sorted(scores: pd.DataFrame) -> pd.DataFrame:
    return arranged(scores, SCORE_COLUMNS, after="version")


def wide_frame(parts: Sequence[Section], columns: Sequence[Column]) -> pd.DataFrame:
    """A wide table as numbers: one row per protocol and method, as its CSV file has them."""
    rows = []
    for part in parts:
        for method, entries in part.entries.items():
            one = replace(part, entries={method: entries})
            row: dict[str, object] = {"protocol": part.protocol, "method": method, "seeds": part.complete[method]}
            if part.train_seconds:
                row["train_seconds"] = part.train_seconds.get(method, math.nan)
            for column in columns:
                row |= _numbers(column.key, entries[column.key])
                if column.best_distance:
                    row[f"{column.key}_distance"] = ", ".join(entries[column.key].distances)
            rows.append(row | {"notes": "; ".join(footnotes(one, columns))})
    return pd.DataFrame(rows)


def _numbers(key: str, value: Entry) -> dict[str, float]:
    return {key: value.mean, f"{key}_sd": value.sd, f"{key}_chance": value.chance}


def _by_site(scores: pd.DataFrame, method_order: Sequence[str] | None) -> pd.DataFrame:
    # The best distance is chosen over all of a method's queries, not site by site.
    columns = [column for column in RETRIEVAL if column.table == "retrieval" and not column.best_distance]
    of_site = scores[scores["subgroup"].str.startswith("query_site=")]
    selected = {column.key: groups(column.rows(of_site), "protocol", "subgroup", "method") for column in columns}
    none = of_site.iloc[:0]
    methods = ordered(scores["method"].unique(), method_order)
    rows = []
    for protocol in known_first(of_site["protocol"].unique()):
        part = of_site[of_site["protocol"] == protocol]
        for subgroup in sorted(part["subgroup"].unique()):
            places = places_of(part[part["subgroup"] == subgroup])
            site = parse_key_values(subgroup)["query_site"]
            for method in methods:
                row: dict[str, object] = {"protocol": protocol, "query_site": site, "method": method}
                for key, found in selected.items():
                    row |= _numbers(key, entry(found.get((protocol, subgroup, method), none), places))
                rows.append(row)
    names = [name for column in columns for name in _numbers(column.key, _NOTHING)]
    return pd.DataFrame(rows, columns=["protocol", "query_site", "method", *names])


_NOTHING = Entry(math.nan, math.nan, 0, 0, math.nan)

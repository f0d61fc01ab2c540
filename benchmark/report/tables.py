"""Wide tables of a results folder, as files and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from benchmark.data.atomic import atomic_path
from benchmark.metrics.rows import parse_key_values
from benchmark.protocols import LEAVE_ONE_SITE_OUT
from benchmark.report.about import About
from benchmark.report.blocks import Block, heading, items, paragraph, to_markdown
from benchmark.report.columns import EVERY_COLUMN, OF_HELD_OUT_SITE, RETRIEVAL, Column
from benchmark.report.held_out import held_out_comparison
from benchmark.report.summary import known_first, sections
from benchmark.report.text import footnotes, section_title, shortened
from benchmark.report.wide_grid import section_grid
from benchmark.report.wide_tables import WideTable, wide_tables
from benchmark.results.schema import SCORE_COLUMNS, arranged

#: Longest method name in the terminal's table.
_WIDTH = 18


def shown_replicates(replicates: pd.DataFrame) -> pd.DataFrame:
    """Those rows of a table of replicates that a wide table shows: from these methods are compared in pairs."""
    shown = [column.rows(replicates).index for column in EVERY_COLUMN]
    chosen: pd.DataFrame = replicates.loc[np.unique(np.concatenate(shown))]
    return chosen


def write_tables(scores: pd.DataFrame, out: Path, about: About) -> None:
    """Write the files of :func:`table_files` to a results folder; it is made where missing."""
    out.mkdir(parents=True, exist_ok=True)
    for name, content in table_files(scores, wide_tables(scores, about), about).items():
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(content)


def table_files(scores: pd.DataFrame, wide: Sequence[WideTable], about: About) -> dict[str, bytes]:
    """Wide tables as Markdown and CSV, and ``retrieval_by_site.csv``, by the names of their files.

    Where sites are held out, ``leakage_held_out.csv`` too (:func:`benchmark.report.held_out.held_out_comparison`).

    Parameters
    ----------
    scores
        Long table with the columns :data:`benchmark.results.schema.SCORE_COLUMNS`, rows in any order.
    wide
        Its wide tables.
    about
        What else readers are told, beside the scores.
    """
    scores = arranged(scores, SCORE_COLUMNS, after="version")
    frames = {table.name: wide_frame(table) for table in wide}
    frames["retrieval_by_site"] = _by_site(scores, about)
    held_out = held_out_comparison(scores, about.shared_subjects.get(LEAVE_ONE_SITE_OUT, 0.0))
    if len(held_out):
        frames["leakage_held_out"] = held_out
    texts = {f"{name}.csv": frame.to_csv(index=False, lineterminator="\n") for name, frame in frames.items()}
    texts |= {f"{table.name}.md": markdown(table) for table in wide}
    return {name: text.encode() for name, text in texts.items()}


def format_terminal(scores: pd.DataFrame, about: About) -> str:
    """Retrieval and leakage, and that of held-out sites, narrow enough for a terminal of 120 columns.

    Retrieval is left out where no method has any score of it.
    """
    wide = {table.name: table for table in wide_tables(scores, about)}
    shown = [wide[name] for name in ("retrieval", "leakage") if name == "leakage" or _has_any(wide[name])]
    extended = wide.get("leakage_extended")
    held_out = [column for column in OF_HELD_OUT_SITE if extended and column.key in extended.directions]
    if extended and held_out:
        shown.append(replace(extended, title=about.title("Leakage of the held-out site"), columns=held_out))
    return "\n".join(map(narrow, shown))


def markdown(table: WideTable) -> str:
    """A wide table as Markdown: a section per protocol, footnotes for what is missing, then the footer."""
    blocks = [heading(table.title, 1)]
    for part in table.sections:
        columns = [column for column in table.columns if column.shown_in(part.protocol)]
        blocks += [
            heading(section_title(part), 2),
            Block("table", grid=section_grid(part, columns, {})),
            items(footnotes(part, columns)),
        ]
    return to_markdown([*blocks, paragraph("---"), items(table.footer)])


def narrow(table: WideTable) -> str:
    """A wide table for a terminal of 120 columns: two decimals, some columns left to the files."""
    blocks = []
    for part in table.sections:
        kept = [column for column in table.columns if column.terminal and column.shown_in(part.protocol)]
        if not kept:
            continue
        head = [
            ["" if line else "method", *("".join(column.title[line : line + 1]) for column in kept)]
            for line in range(max(len(column.title) for column in kept))
        ]
        grid = section_grid(part, [replace(column, digits=min(column.digits, 2)) for column in kept], {})
        rows = [
            [
                shortened(row[0].text, _WIDTH),
                *("±".join(filter(None, (cell.text, cell.spread))) for cell in row[1:]),
            ]
            for row in (*grid.rows, *grid.apart, *grid.foot)
        ]
        # The header goes in as rows: tabulate would widen each column by two under a header of its own.
        lines = [*head, *(row[: len(kept) + 1] for row in rows)]
        text = tabulate(lines, tablefmt="plain", disable_numparse=True, colalign=["left"] + ["right"] * len(kept))
        shown = text.split("\n")
        if grid.apart:
            # A cell of it would widen the first column by half.
            shown.insert(len(head) + len(grid.rows), f"{grid.apart_title}:")
        told = [f"{table.title}. {section_title(part)}", *shown, *footnotes(part, kept)]
        blocks.append("\n".join(line.rstrip() for line in told))
    return "\n\n".join(blocks) + "\n"


def wide_frame(table: WideTable) -> pd.DataFrame:
    """A wide table as numbers: one row per protocol and method, as its CSV file has them."""
    rows = []
    for part in table.sections:
        for method, entries in part.entries.items():
            row: dict[str, object] = {"protocol": part.protocol, "method": method, "seeds": part.complete[method]}
            if part.train_seconds:
                row["train_seconds"] = part.train_seconds.get(method, math.nan)
            for column in table.columns:
                entry = entries[column.key]
                row |= dict(zip(_names(column), (entry.mean, entry.sd, entry.chance), strict=True))
                if column.best_distance:
                    row[f"{column.key}_distance"] = ", ".join(entry.distances)
            alone = replace(part, entries={method: entries})
            rows.append(row | {"notes": "; ".join(footnotes(alone, table.columns))})
    return pd.DataFrame(rows)


def _has_any(table: WideTable) -> bool:
    every = (entry for part in table.sections for entries in part.entries.values() for entry in entries.values())
    return any(not math.isnan(entry.mean) for entry in every)


def _names(column: Column) -> tuple[str, str, str]:
    return column.key, f"{column.key}_sd", f"{column.key}_chance"


def _by_site(scores: pd.DataFrame, about: About) -> pd.DataFrame:
    # The best distance is chosen over all of a method's queries, not site by site.
    columns = [column for column in RETRIEVAL if column.table == "retrieval" and not column.best_distance]
    methods = about.order(scores["method"].unique())
    names = ["protocol", "query_site", "method", *(name for column in columns for name in _names(column))]
    frames = []
    for subgroup, rows in scores[scores["subgroup"].str.startswith("query_site=")].groupby("subgroup"):
        parts = sections(rows.assign(subgroup=""), columns, methods)
        frame = wide_frame(WideTable("", "", columns, (), parts, {}))
        frames.append(frame.assign(query_site=parse_key_values(str(subgroup))["query_site"])[names])
    if not frames:
        return pd.DataFrame(columns=names)
    table = pd.concat(frames)
    return pd.concat([table[table["protocol"] == protocol] for protocol in known_first(table["protocol"])])

"""Every metric of the long score table, so that a new one appears without code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.report.grid import Cell, Grid, Header, number
from benchmark.report.page.aggregate import only_keys, span
from benchmark.report.page.subgroups import parts_grid
from benchmark.report.summary import in_order, known_first
from benchmark.report.text import MISSING
from benchmark.report.wide_tables import direction

#: Tables of the long score table in the order of the page; others follow in the alphabet's.
TABLES = ("retrieval", "identity", "leakage", "disease", "structure")


@dataclass(frozen=True)
class MetricBlock:
    """One metric with one set of parameters.

    Attributes
    ----------
    metric, parameters
        Which one.
    higher
        Whether higher values are better; None for neither.
    grids
        The overall values, then those of parts of the data.
    pairs
        Whether there are values of pairs, which are drawn as matrices elsewhere.
    """

    metric: str
    parameters: str
    higher: bool | None
    grids: Sequence[Grid]
    pairs: bool


def metric_blocks(summaries: pd.DataFrame, methods: Sequence[str]) -> list[tuple[str, list[MetricBlock]]]:
    """Every table of the scores with its metrics.

    Parameters
    ----------
    summaries
        As :func:`benchmark.report.page.aggregate.aggregate` makes them.
    methods
        In table order.
    """
    result = []
    place = 0
    for table in in_order(summaries["table"], TABLES):
        blocks = []
        for (metric, parameters), rows in summaries[summaries["table"] == table].groupby(
            ["metric", "parameters"], sort=True
        ):
            place += 1
            blocks.append(_block(f"metric-{place}", str(metric), str(parameters), rows, methods))
        result.append((table, blocks))
    return result


def _block(identifier: str, metric: str, parameters: str, rows: pd.DataFrame, methods: Sequence[str]) -> MetricBlock:
    keys = {text: tuple(only_keys(text)) for text in rows["subgroup"].unique()}
    kinds = rows["subgroup"].map(keys)
    found = []
    if (rows["subgroup"] == "").any():
        found.append(_overall(f"{identifier}-0", "Overall", rows[rows["subgroup"] == ""], methods))
    for kind in sorted({kind for kind in keys.values() if kind and len(kind) != 2}):
        chosen = rows[[each == kind for each in kinds]]
        if len(kind) > 1:
            found.append(_overall(f"{identifier}-{len(found)}", f"By {', '.join(kind)}", chosen, methods))
            continue
        for protocol in known_first(chosen["protocol"]):
            of_protocol = chosen[chosen["protocol"] == protocol]
            caption = f"By {kind[0]}. {protocol}"
            found.append(parts_grid(f"{identifier}-{len(found)}", caption, of_protocol, kind[0], methods))
    pairs = any(len(kind) == 2 for kind in keys.values())
    return MetricBlock(metric, parameters, direction(rows["higher"]), found, pairs)


def _overall(identifier: str, caption: str, rows: pd.DataFrame, methods: Sequence[str]) -> Grid:
    protocols, order = known_first(rows["protocol"]), in_order(rows["method"], methods)
    ranked = sorted(
        rows.to_dict("records"),
        key=lambda row: (protocols.index(row["protocol"]), row["subgroup"], order.index(row["method"])),
    )
    by_part = bool((rows["subgroup"] != "").any())
    body = []
    for row in ranked:
        low, high = number(row["ci_low"]), number(row["ci_high"])
        interval = "" if MISSING in (low.text, high.text) else f"{low.text} to {high.text}"
        chance = number(row["chance"])
        body.append(
            [
                Cell(row["method"]),
                Cell(row["protocol"]),
                *([Cell(row["subgroup"].replace(";", "; "))] if by_part else []),
                number(row["mean"], 3, row["sd"]),
                Cell("") if chance.text == MISSING else chance,
                Cell(interval),
                Cell(span(row["n_low"], row["n_high"]), value=float(row["n_low"])),
                Cell(str(row["runs"]), value=float(row["runs"])),
                Cell(row["note"]),
            ]
        )
    names = ["method", "protocol", *(["part"] if by_part else [])]
    rest = ["chance", "95 % interval", "n", "runs", "note"]
    # The interval and the note are not needed where no row has them.
    kept = [place for place in range(len(names) + 6) if place <= len(names) or any(line[place].text for line in body)]
    headers = [*map(Header, names), Header("mean ± SD", direction(rows["higher"])), *map(Header, rest)]
    return Grid(
        identifier, caption, [headers[place] for place in kept], [[line[place] for place in kept] for line in body]
    )

"""Rows that one of two results folders has alone, such as a submission beside the reference, against the other's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from statsmodels.stats.multitest import multipletests
from tabulate import tabulate

from benchmark.report.about import ABOUT, About
from benchmark.report.columns import HEADLINES
from benchmark.report.pairing import paired_values
from benchmark.report.statistics.reach import too_few_resamples
from benchmark.report.statistics.settings import LEVEL, StatisticsSettings
from benchmark.report.statistics.summary import statistics
from benchmark.report.summary import known_first, ordered
from benchmark.report.text import MISSING
from benchmark.results.read import StoredResults
from benchmark.results.same_task import not_comparable, task_difference


def new_rows_text(a: StoredResults, b: StoredResults) -> str:
    """Which methods are in both, which in one alone, and how the latter differ from every method of the other folder.

    A difference is the new row's mean minus the other's, over the runs of a protocol. p is that of
    :func:`benchmark.report.statistics.paired.comparisons`, corrected after Holm over all comparisons of one new row.

    Parameters
    ----------
    a, b
        The results, called A and B.

    Returns
    -------
    str
        Lines for a terminal; empty where both have the same methods.
    """
    of_a, of_b = map(_methods, (a, b))
    new = {"A": [name for name in of_a if name not in of_b], "B": [name for name in of_b if name not in of_a]}
    if not new["A"] and not new["B"]:
        return ""
    shared = [name for name in of_a if name in of_b]
    lines = [f"methods in both: {', '.join(shared) or 'none'}"]
    lines += [f"new in {side}: {', '.join(names)}" for side, names in new.items() if names]
    if why := not_comparable(a) or not_comparable(b):
        return "\n".join([*lines, f"not compared with each other: one of the folders {why}"])
    if difference := task_difference([a, b]):
        return "\n".join([*lines, f"not compared with each other: different tasks: {difference}"])
    values, without = paired_values([a, b])
    if without:
        lines.append(f"{', '.join(without)} without replicates: paired by seed, not by subject")
    # From the side with fewer: a submission's rows against the reference's, and not each of the reference's alone.
    in_common = {**About.of(a.provenance).shared_subjects, **About.of(b.provenance).shared_subjects}
    side = min((side for side in "BA" if new[side]), key=lambda one: len(new[one]))
    for method in new[side]:
        lines += ["", *_against(method, of_a if side == "B" else of_b, values, in_common)]
    return "\n".join(lines)


def _methods(results: StoredResults) -> list[str]:
    about = results.provenance.get(ABOUT)
    order = about.get("methods") if isinstance(about, dict) else None
    there = results.scores["method"].unique()
    # A folder may be anybody's.
    return ordered(there, [name for name in order if name in there] if isinstance(order, list) else [])


def _against(method: str, others: Sequence[str], values: pd.DataFrame, in_common: Mapping[str, float]) -> list[str]:
    protocols = set(values.loc[values["method"] == method, "protocol"])
    kept = values[values["method"].isin([method, *others]) & values["protocol"].isin(protocols)]
    found = statistics(kept, settings=StatisticsSettings(reference=method, primary_scores=()), shared=in_common)
    rows = found.comparisons[found.comparisons["method_a"] == method].copy()
    tested = rows["p"].notna()
    rows["corrected"] = math.nan
    if tested.any():
        rows.loc[tested, "corrected"] = multipletests(rows.loc[tested, "p"].to_numpy(float), method="holm")[1]
    lines = [
        f"{method} minus each other method (* beyond chance at {LEVEL:g}, Holm-corrected over {int(tested.sum())} "
        f"tests; {int((~tested).sum())} of {len(rows)} could not be tested):"
    ]
    if why := too_few_resamples(rows[tested]):
        lines.append(why)
    for protocol in known_first(rows["protocol"]):
        part = rows[rows["protocol"] == protocol]
        columns = [column for column in HEADLINES if column.key in set(part["score"])]
        cells = {(row["method_b"], row["score"]): _cell(row) for row in part.to_dict("records")}
        arrows = found.intervals.set_index("score")["higher_is_better"].to_dict()
        table = [[f"{protocol}", *(f"{column.heading} {'↑' if arrows[column.key] else '↓'}" for column in columns)]]
        table += [[other, *(cells.get((other, column.key), "") for column in columns)] for other in others]
        lines += tabulate(table, tablefmt="plain", disable_numparse=True).split("\n")
    return lines


def _cell(row: Mapping[Any, Any]) -> str:
    if not math.isfinite(row["difference"]):
        return MISSING
    return f"{-row['difference']:+.3f}{'*' if row['corrected'] < LEVEL else ''}"

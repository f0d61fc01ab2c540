"""Which methods of a column are tied for best: the one with the best mean, and all that no test tells from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import sem, t

from benchmark.report.columns import HEADLINES
from benchmark.report.statistics.paired import LEAST_SEEDS, PRIMARY, ROUNDING
from benchmark.report.statistics.settings import LEVEL
from benchmark.report.statistics.shared_subjects import inflation
from benchmark.report.summary import Entry, Section
from benchmark.report.text import best_apart
from benchmark.report.wide_tables import WideTable


def with_ties(
    tables: Sequence[WideTable],
    comparisons: pd.DataFrame | None = None,
    shared_subjects: Mapping[str, float] | None = None,
) -> list[WideTable]:
    """Wide tables whose sections say which methods are tied for best, column by column.

    A method is not tied where a test at 0.05 tells it from the method with the best mean. Of a primary comparison that
    is the test of the statistics, after its correction. Any other p, of the statistics or of a paired t-test over seeds
    (:func:`p_values`), is multiplied by the number of other methods. The method that is best in truth is then marked
    with at least 95 % confidence, though the one that it is compared with is picked by its mean: it can only be left
    out by one of its own comparisons with the others (Gupta, Technometrics 7, 1965; Hsu, Annals of Statistics 12,
    1984). Where nothing was tested, or the tests leave nobody out, nobody is marked: the digits alone do not say who is
    best, and marks on all rows would look as if they did. Floor, ceiling and methods that see diagnoses do not compete,
    and a method alone is not the best of anything.

    Parameters
    ----------
    tables
        Of :func:`benchmark.report.wide_tables.wide_tables`.
    comparisons
        Differences of the statistics (:func:`benchmark.report.statistics.paired.comparisons`), None where there are
        none.
    shared_subjects
        By protocol, the share of test subjects that two seeds have in common.
    """
    headlines = {column.key for column in HEADLINES}
    parts = {} if comparisons is None else dict(list(comparisons.groupby(["protocol", "score"])))

    def best(part: Section, key: str, higher: bool | None) -> frozenset[str]:
        there = {method: entries[key] for method, entries in part.entries.items() if method not in part.bounds}
        stored = parts.get((part.protocol, key)) if key in headlines else None
        finite = {name: entry for name, entry in there.items() if math.isfinite(entry.mean)}
        return tied(finite, higher, stored, (shared_subjects or {}).get(part.protocol, 0.0))

    return [
        replace(
            table,
            sections=[
                replace(
                    part,
                    best={each.key: best(part, each.key, table.directions.get(each.key)) for each in table.columns},
                )
                for part in table.sections
            ],
        )
        for table in tables
    ]


def tied(
    entries: Mapping[str, Entry], higher: bool | None, comparisons: pd.DataFrame | None = None, shared: float = 0.0
) -> frozenset[str]:
    """Methods that are tied for best in one column.

    Parameters
    ----------
    entries
        Of methods that compete and have a mean.
    higher
        Whether higher values are better; nobody is best where neither is.
    comparisons
        Differences of the column in the statistics, where it is one of theirs.
    shared
        Share of test subjects that two seeds have in common.
    """
    if higher is None or len(entries) < 2:
        return frozenset()
    first = (max if higher else min)(entries, key=lambda method: entries[method].mean)
    p = p_values(entries, first, shared)
    if comparisons is not None and comparisons["p"].notna().any():
        p = {}
        for row in comparisons.to_dict("records"):
            pair = {row["method_a"], row["method_b"]}
            if first in pair:
                primary = row["kind"] == PRIMARY
                # Times the number of tests below, which its own correction has done already.
                p[(pair - {first}).pop()] = row["p_holm"] / (len(entries) - 1) if primary else row["p"]
    if not p:
        return frozenset()
    found = frozenset(name for name in entries if not p.get(name, math.nan) * (len(entries) - 1) < LEVEL)
    return found if len(found) < len(entries) else frozenset()


def p_values(entries: Mapping[str, Entry], first: str, shared: float = 0.0) -> dict[str, float]:
    """Two-sided p of a paired t-test over seeds of each other method with the first; NaN where there is no test.

    None at all with fewer than :data:`benchmark.report.statistics.paired.LEAST_SEEDS` seeds, or where all seeds have
    the same test subjects. Where they share some, the standard error is inflated
    (:func:`benchmark.report.statistics.shared_subjects.inflation`).
    """
    if shared == 1 or any(len(entry.by_seed) < LEAST_SEEDS for entry in entries.values()):
        return {}
    others = {
        name: np.subtract(entry.by_seed, entries[first].by_seed) for name, entry in entries.items() if name != first
    }
    return {
        name: float(2 * t.sf(abs(each.mean()) / (sem(each) * inflation(len(each), shared)), len(each) - 1))
        if np.ptp(each) > ROUNDING
        else math.nan
        for name, each in others.items()
    }


def told(bounds: Mapping[str, str]) -> str:
    """What a mark for the best means, in one sentence.

    Parameters
    ----------
    bounds
        Methods that do not compete, with why not.
    """
    return (
        f"tied for best of a column, {best_apart(bounds)}: the best mean, and every mean that a test at {LEVEL:g} does "
        "not tell from it. The test is that of the statistics between methods, in other columns a paired t-test over "
        "seeds; corrected over the declared comparisons or, of others, over the other methods of the column. The "
        "method that is best in truth is among the marked with 95 % confidence. A column has no mark where the tests "
        f"tell no method from the best mean, or where there is no test (fewer than {LEAST_SEEDS} seeds, and not in the "
        "statistics)"
    )

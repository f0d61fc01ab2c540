"""The statistics between methods as short tables, and lines that say what they cover."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from benchmark.report.blocks import Block, heading, items, paragraph, table
from benchmark.report.grid import Cell, number
from benchmark.report.statistics.bounds import is_bounded
from benchmark.report.statistics.hierarchical import BOTH, NOTHING, SEEDS, SUBJECTS
from benchmark.report.statistics.paired import EXPLORATORY, PRIMARY
from benchmark.report.statistics.reach import too_few_resamples
from benchmark.report.statistics.settings import LEVEL, POWER
from benchmark.report.statistics.summary import Statistics
from benchmark.report.summary import known_first, ordered
from benchmark.report.text import MISSING, count

#: Title of the report.
TITLE = "Statistics between methods"

_COVERAGE = {
    BOTH: "resampled seeds, and resampled subjects within each",
    SUBJECTS: "resampled subjects of one seed; another seed (training, data set) may differ by more",
    SEEDS: "resampled seeds only, because the score is not resampled over subjects",
    NOTHING: "nothing: there is no interval",
}

Row = Mapping[Any, Any]


def statistics_blocks(found: Statistics, method_order: Sequence[str] | None = None, title: str = TITLE) -> list[Block]:
    """Four short tables a protocol, and lines that say what they cover.

    Parameters
    ----------
    found
        The statistics.
    method_order
        Methods in table order; others follow in the alphabet's order. A method without any score gets dashes.
    title
        Of the whole.
    """
    blocks = [heading(title, 1)]
    methods = ordered(found.intervals["method"].unique(), method_order)
    for protocol in known_first(found.intervals["protocol"]):
        intervals, comparisons, ranks, detectable = (
            _named(each[each["protocol"] == protocol], found)
            for each in (found.intervals, found.comparisons, found.ranks, found.detectable)
        )
        seeds, sites = int(intervals["seeds"].max()), int(intervals["sites"].max())
        held_out = f"{count(sites, 'site')}, " if sites > 1 else ""
        blocks += [
            heading(f"{protocol} ({held_out}{count(seeds, 'seed')})", 2),
            heading("Means and 95 % intervals", 3),
            _by_method(intervals, methods, _mean),
            items([*_coverage(intervals), *_in_common(found.shared.get(str(protocol), 0.0)), *_gaps(intervals)]),
            heading("Differences beyond chance", 3),
            *_differences(comparisons[comparisons["kind"] == PRIMARY]),
            heading("Exploratory differences", 3),
            *_exploratory(comparisons[comparisons["kind"] == EXPLORATORY]),
            heading("Ranks", 3),
            _by_method(ranks, methods, _rank),
            items(
                [
                    "Rank of the mean (1 is best), 95 % confidence set of the rank, and share of resamples in which "
                    "the method is best. The set leaves out a rank only where a test above says so: of primary "
                    "comparisons after their correction, of others after Holm's over all pairs of the score. The "
                    "share is stability under resampling, not a test"
                ]
            ),
            heading("What this design can detect", 3),
            *_design(detectable, ranks),
        ]
    return blocks


def _named(rows: pd.DataFrame, found: Statistics) -> pd.DataFrame:
    """Rows with what their score is called and how it is shown."""
    columns = [found.columns[score] for score in rows["score"]]
    headings = [column.heading for column in found.columns.values()]
    return rows.assign(
        heading=[
            column.heading if headings.count(column.heading) == 1 else f"{column.heading} ({column.key})"
            for column in columns
        ],
        digits=[column.digits for column in columns],
        bounded=[is_bounded(column.table, column.metric) for column in columns],
    )


def _by_method(rows: pd.DataFrame, methods: Sequence[str], shown: Callable[[Row], Cell]) -> Block:
    lines = []
    for name, part in rows.groupby("heading", sort=False):
        cells = {row["method"]: shown(row) for row in part.to_dict("records")}
        lines.append([Cell(str(name)), *(cells.get(method, number(math.nan)) for method in methods)])
    return table(["score", *methods], lines)


def _mean(row: Row) -> Cell:
    cell = number(row["value"], row["digits"])
    if not math.isfinite(row["value"]) or not math.isfinite(row["ci_low"]):
        return cell
    ends = (number(row[end], row["digits"]).text for end in ("ci_low", "ci_high"))
    return replace(cell, text=f"{cell.text} [{', '.join(ends)}]")


def _rank(row: Row) -> Cell:
    if not math.isfinite(row["rank"]):
        return number(math.nan)
    ends = f" [{row['rank_low']:g}, {row['rank_high']:g}], {row['probability_best']:.2f}"
    return Cell(f"{row['rank']:g}" + (ends if math.isfinite(row["rank_low"]) else ""), value=row["rank"])


def _coverage(intervals: pd.DataFrame) -> Iterator[str]:
    yield "Mean over seeds (over held-out sites first), and the 95 % interval of a hierarchical bootstrap"
    by_score = intervals.groupby("heading", sort=False)["covers"].max()
    for covers, scores in by_score.groupby(by_score, sort=True):
        yield f"Covers {_COVERAGE[str(covers)]}: {', '.join(map(str, scores.index))}"
    seeds = int(intervals["seeds"].max())
    if seeds > 1:
        yield (
            f"With {count(seeds, 'seed')} the interval has the width of Student's t with {seeds - 1} degrees of "
            "freedom and the shape of the bootstrap, which alone would be too narrow; cut at the bounds of the score"
        )
    if seeds == 2:
        yield "Two seeds say next to nothing of others (t is 12.7): more seeds narrow the intervals most"


def _in_common(shared: float) -> Iterator[str]:
    if shared:
        yield (
            f"Two seeds have {shared:.0%} of their test subjects in common. Intervals and tests hold what these give "
            "to all seeds, which more seeds do not average out; Friedman's test needs independent seeds and is left out"
        )


def _gaps(intervals: pd.DataFrame) -> Iterator[str]:
    for sign, part in (
        (MISSING, intervals[intervals["value"].isna()]),
        ("no interval", intervals[intervals["value"].notna() & intervals["ci_low"].isna()]),
    ):
        for (method, reason), rows in part.groupby(["method", "note"], sort=True):
            yield f"{method}, {', '.join(rows['heading'])}: {sign} ({reason})"


def _differences(primary: pd.DataFrame) -> Iterator[Block]:
    if not len(primary):
        yield paragraph("No primary comparison: the method that they are of, or its scores, are not there.")
        return
    reference = str(primary["method_a"].iloc[0])
    tested = primary[primary["p"].notna()]
    # Some names end in a full stop.
    scores = ", ".join(primary["heading"].unique()).removesuffix(".")
    yield paragraph(f"Primary comparisons: {reference} with each other method, on {scores}.")
    kinds = tested["test"].value_counts()
    tests = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds.index))
    yield paragraph(
        f"{int(primary['beyond_chance'].sum())} of {count(len(tested), 'tested difference')} beyond chance at "
        f"{LEVEL:g} after Holm's correction over all of them{f' ({tests})' if tests else ''}; "
        f"{len(primary) - len(tested)} could not be tested."
    )
    rows = []
    for row in primary.to_dict("records"):
        low, high = _signed(-row["ci_high"], row).text, _signed(-row["ci_low"], row).text
        rows.append(
            [
                Cell(row["heading"]),
                Cell(row["method_b"]),
                _signed(-row["difference"], row),
                Cell(MISSING if math.isnan(row["ci_low"]) else f"[{low}, {high}]"),
                _p(row["p"]),
                _p(row["p_holm"]),
                Cell(row["better"] if row["beyond_chance"] else ""),
            ]
        )
    names = ["score", "other", f"{reference} - other", "95 % interval", "p", "p Holm", "better beyond chance"]
    yield table(names, rows)
    why = too_few_resamples(tested)
    yield items(
        [
            "A difference that is not listed is not shown to be absent. A test over subjects says nothing of other "
            "seeds; a t-test over few seeds sees large differences only",
            *([f"{why}. More resamples, fewer scores or a reference method would help"] if why else []),
        ]
    )


def _exploratory(others: pd.DataFrame) -> Iterator[Block]:
    small = others[others["p"] < LEVEL]
    yield paragraph(
        f"{len(small)} of {count(int(others['p'].notna().sum()), 'other difference')} have an uncorrected p below "
        f"{LEVEL:g}. Nobody declared them beforehand, and with so many some are small by chance: these are hints, no "
        "claims."
    )
    worse: dict[tuple[str, str], list[str]] = {}
    for row in small.to_dict("records"):
        sign, name = (1, row["method_a"]) if row["better"] == row["method_b"] else (-1, row["method_b"])
        text = f"{name} {_signed(sign * row['difference'], row).text} (p {_p(row['p']).text})"
        worse.setdefault((row["heading"], row["better"]), []).append(text)
    if worse:
        rows = [[Cell(name), Cell(better), Cell(", ".join(names))] for (name, better), names in worse.items()]
        yield table(["score", "better", "than (better - worse, uncorrected p)"], rows)


def _design(detectable: pd.DataFrame, ranks: pd.DataFrame) -> Iterator[Block]:
    of_ranks = ranks.drop_duplicates("score")[["score", "friedman_p", "critical_difference"]]
    rows = [
        [
            Cell(row["heading"]),
            Cell(str(row["n"]), value=row["n"]),
            Cell(str(row["seeds"]), value=row["seeds"]),
            _detectable(row["detectable"], row),
            _detectable(row["detectable_corrected"], row),
            _p(row["friedman_p"]),
            number(row["critical_difference"], 2),
        ]
        for row in detectable.merge(of_ranks, on="score", how="left").to_dict("records")
    ]
    names = ["score", "n", "seeds", "detectable", "detectable after Holm"]
    yield table([*names, "Friedman p", "critical difference of ranks"], rows)
    yield items(
        [
            f"Detectable: smallest true difference of two methods found with {POWER:.0%} power at {LEVEL:g}, "
            "two-sided, alone and, for primary scores, among all primary tests of this protocol; from the median "
            "standard error over pairs. n: queries or scans, each counted once, of the seed with the fewest. > 1: "
            "more than the score can differ",
            "Friedman's test and Nemenyi's critical difference look at ranks within seeds, without correction over "
            "scores",
        ]
    )


def _detectable(value: float, row: Row) -> Cell:
    return Cell("> 1", value=value) if value > 1 and row["bounded"] else number(value, row["digits"])


def _signed(value: float, row: Row) -> Cell:
    return Cell(f"{value:+.{row['digits']}f}", value=value) if math.isfinite(value) else number(math.nan)


def _p(value: float) -> Cell:
    return Cell("< 0.001", value=value) if value < 0.001 else number(value)

"""All statistics between methods for the headline columns, and short tables of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.report.columns import Column
from benchmark.report.statistics.bounds import is_bounded
from benchmark.report.statistics.cells import ScoreCells, score_cells
from benchmark.report.statistics.detectable import detectable_differences
from benchmark.report.statistics.hierarchical import BOTH, NOTHING, SEEDS, SUBJECTS, hierarchical_bootstrap
from benchmark.report.statistics.intervals import INTERVAL_COLUMNS, interval_rows
from benchmark.report.statistics.paired import EXPLORATORY, PRIMARY, comparisons
from benchmark.report.statistics.ranks import RANK_COLUMNS, rank_rows
from benchmark.report.statistics.settings import LEVEL, StatisticsSettings
from benchmark.report.summary import known_first, ordered
from benchmark.report.text import MISSING, count

_COVERAGE = {
    BOTH: "resampled seeds, and resampled subjects within each",
    SUBJECTS: "resampled subjects of one seed; another seed (training, data set) may differ by more",
    SEEDS: "resampled seeds only, because the score is not resampled over subjects",
    NOTHING: "nothing: there is no interval",
}


@dataclass(frozen=True)
class Statistics:
    """Statistics between methods, in long tables.

    Attributes
    ----------
    intervals
        Mean and interval per protocol, score and method
        (:func:`benchmark.report.statistics.intervals.interval_rows`).
    comparisons
        Difference, interval and p per protocol, score and pair
        (:func:`benchmark.report.statistics.paired.comparisons`).
    ranks
        Rank and its distribution per protocol, score and method (:func:`benchmark.report.statistics.ranks.rank_rows`).
    detectable
        Smallest detectable difference per protocol and score
        (:func:`benchmark.report.statistics.detectable.detectable_differences`).
    columns
        The columns shown, by key, which is ``score`` in the tables.
    settings
        How the statistics were made.
    """

    intervals: pd.DataFrame
    comparisons: pd.DataFrame
    ranks: pd.DataFrame
    detectable: pd.DataFrame
    columns: Mapping[str, Column]
    settings: StatisticsSettings


def statistics(
    replicates: pd.DataFrame, columns: Sequence[Column], settings: StatisticsSettings | None = None
) -> Statistics:
    """Intervals, comparisons, ranks and detectable differences; the order of rows has no effect.

    Parameters
    ----------
    replicates
        Table with the columns :data:`benchmark.report.statistics.cells.REPLICATE_COLUMNS`.
    columns
        Scores to look at.
    settings
        How; the defaults if None.

    Raises
    ------
    UserError
        If the table lacks a column, cells cannot be paired, or the reference method is not there.
    """
    how = settings or StatisticsSettings()
    scores = [
        (cells, hierarchical_bootstrap(cells, how.resamples, how.seed)) for cells in score_cells(replicates, columns)
    ]
    compared = comparisons(scores, how.reference, how.primary_scores)
    return Statistics(
        intervals=_frame((row for pair in scores for row in interval_rows(*pair)), INTERVAL_COLUMNS),
        comparisons=compared,
        ranks=_frame((row for pair in scores for row in rank_rows(*pair, _of(compared, pair[0]))), RANK_COLUMNS),
        detectable=detectable_differences(compared, how.power),
        columns={column.key: column for column in columns},
        settings=how,
    )


def markdown(found: Statistics, method_order: Sequence[str] | None = None) -> str:
    """The statistics as Markdown, four short tables a protocol and footnotes that say what they cover.

    Parameters
    ----------
    found
        The statistics.
    method_order
        Methods in table order; others follow in the alphabet's order. A method without any score gets dashes.
    """
    blocks = ["# Statistics between methods"]
    methods = ordered(found.intervals["method"].unique(), method_order)
    for protocol in known_first(found.intervals["protocol"]):
        parts = {
            name: table[table["protocol"] == protocol]
            for name, table in (
                ("intervals", found.intervals),
                ("comparisons", found.comparisons),
                ("ranks", found.ranks),
                ("detectable", found.detectable),
            )
        }
        blocks += [
            _title(protocol, parts["intervals"]),
            "### Means and 95 % intervals",
            _by_method(parts["intervals"], found.columns, methods, _mean),
            _bullets([*_coverage(parts["intervals"], found.columns), *_gaps(parts["intervals"], found.columns)]),
            "### Differences beyond chance",
            *_differences(parts["comparisons"], found.columns),
            "### Exploratory differences",
            *_exploratory(parts["comparisons"], found.columns),
            "### Ranks",
            _by_method(parts["ranks"], found.columns, methods, _rank),
            _bullets(
                [
                    "Rank of the mean (1 is best), 95 % confidence set of the rank, and share of resamples in which "
                    "the method is best. The set leaves out a rank only where a test above says so: of primary "
                    "comparisons after their correction, of others after Holm's over all pairs of the score. The "
                    "share is stability under resampling, not a test"
                ]
            ),
            "### What this design can detect",
            *_design(parts["detectable"], parts["ranks"], found),
        ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _of(compared: pd.DataFrame, cells: ScoreCells) -> pd.DataFrame:
    return compared[(compared["protocol"] == cells.protocol) & (compared["score"] == cells.score)]


def _frame(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns))


def _by_method(table: pd.DataFrame, columns: Mapping[str, Column], methods: Sequence[str], shown: Any) -> str:
    rows = []
    for score, part in table.groupby("score", sort=False):
        by_method = {row["method"]: row for row in part.to_dict("records")}
        cells = [
            shown(by_method[method], columns[str(score)]) if method in by_method else MISSING for method in methods
        ]
        rows.append([_heading(columns, str(score)), *cells])
    return _table(["score", *methods], rows)


def _title(protocol: str, intervals: pd.DataFrame) -> str:
    seeds, sites = int(intervals["seeds"].max()), int(intervals["sites"].max())
    held_out = f"{count(sites, 'site')}, " if sites > 1 else ""
    return f"## {protocol} ({held_out}{count(seeds, 'seed')})"


def _mean(row: Mapping[str, Any], column: Column) -> str:
    if not math.isfinite(row["value"]):
        return MISSING
    ends = f" [{_number(row['ci_low'], column)}, {_number(row['ci_high'], column)}]"
    return _number(row["value"], column) + (ends if math.isfinite(row["ci_low"]) else "")


def _rank(row: Mapping[str, Any], column: Column) -> str:
    if not math.isfinite(row["rank"]):
        return MISSING
    ends = f" [{row['rank_low']:g}, {row['rank_high']:g}], {row['probability_best']:.2f}"
    return f"{row['rank']:g}" + (ends if math.isfinite(row["rank_low"]) else "")


def _coverage(intervals: pd.DataFrame, columns: Mapping[str, Column]) -> Iterator[str]:
    yield "Mean over seeds (over held-out sites first), and the 95 % interval of a hierarchical bootstrap"
    by_score = intervals.groupby("score", sort=False)["covers"].max()
    for covers, scores in by_score.groupby(by_score, sort=True):
        yield f"Covers {_COVERAGE[str(covers)]}: {', '.join(_heading(columns, str(score)) for score in scores.index)}"
    seeds = int(intervals["seeds"].max())
    if seeds > 1:
        yield (
            f"With {count(seeds, 'seed')} the interval has the width of Student's t with {seeds - 1} degrees of "
            "freedom and the shape of the bootstrap, which alone would be too narrow; cut at the bounds of the score"
        )
    if seeds == 2:
        yield "Two seeds say next to nothing of others (t is 12.7): more seeds narrow the intervals most"


def _gaps(intervals: pd.DataFrame, columns: Mapping[str, Column]) -> Iterator[str]:
    for sign, part in (
        (MISSING, intervals[intervals["value"].isna()]),
        ("no interval", intervals[intervals["value"].notna() & intervals["ci_low"].isna()]),
    ):
        for (method, reason), rows in part.groupby(["method", "reason"], sort=True):
            headings = ", ".join(_heading(columns, str(score)) for score in rows["score"])
            yield f"{method}, {headings}: {sign} ({reason})"


def _differences(table: pd.DataFrame, columns: Mapping[str, Column]) -> Iterator[str]:
    table = table[table["kind"] == PRIMARY]
    if not len(table):
        yield "No primary comparison: the method that they are of, or its scores, are not there."
        return
    tested = table[table["p"].notna()]
    beyond = table[table["beyond_chance"].astype(bool)]
    headings = ", ".join(_heading(columns, str(score)) for score in dict.fromkeys(table["score"]))
    yield f"Primary comparisons: {table['method_a'].iloc[0]} with each other method, on {headings}."
    kinds = tested["test"].value_counts()
    tests = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds.index))
    yield (
        f"{len(beyond)} of {count(len(tested), 'tested difference')} beyond chance at {LEVEL:g} after Holm's "
        f"correction over all of them{f' ({tests})' if tests else ''}; {len(table) - len(tested)} could not be tested."
    )
    rows = [
        [
            _heading(columns, str(row["score"])),
            str(row["method_b"]),
            _signed(-row["difference"], columns[row["score"]]),
            _ends(-row["ci_high"], -row["ci_low"], columns[row["score"]]),
            _p(row["p"]),
            _p(row["p_holm"]),
            str(row["better"]) if row["beyond_chance"] else "",
        ]
        for row in table.to_dict("records")
    ]
    reference = str(table["method_a"].iloc[0])
    yield _table(
        ["score", "other", f"{reference} - other", "95 % interval", "p", "p Holm", "better beyond chance"], rows
    )
    yield _bullets(
        [
            "A difference that is not listed is not shown to be absent. A test over subjects says nothing of other "
            "seeds; a t-test over few seeds sees large differences only",
            *_out_of_reach(tested),
        ]
    )


def _exploratory(table: pd.DataFrame, columns: Mapping[str, Column]) -> Iterator[str]:
    table = table[table["kind"] == EXPLORATORY]
    small = table[table["p"] < LEVEL]
    yield (
        f"{len(small)} of {count(int(table['p'].notna().sum()), 'other difference')} have an uncorrected p below "
        f"{LEVEL:g}. Nobody declared them beforehand, and with so many some are small by chance: these are hints, no "
        "claims."
    )
    worse: dict[tuple[str, str], list[str]] = {}
    for row in small.to_dict("records"):
        column = columns[row["score"]]
        sign, name = (1, row["method_a"]) if row["better"] == row["method_b"] else (-1, row["method_b"])
        text = f"{name} {_signed(sign * row['difference'], column)} (p {_p(row['p'])})"
        worse.setdefault((_heading(columns, column.key), row["better"]), []).append(text)
    if worse:
        yield _table(
            ["score", "better", "than (better - worse, uncorrected p)"],
            [[heading, better, ", ".join(names)] for (heading, better), names in worse.items()],
        )


def _out_of_reach(tested: pd.DataFrame) -> Iterator[str]:
    most = int(tested["resamples"].max()) if len(tested) else 0
    if most and len(tested) > LEVEL * (most + 1):
        yield (
            f"No test over subjects can be beyond chance here: its smallest p, 1/{most + 1} with {most} resamples, is "
            f"above {LEVEL:g} after correction over {len(tested)} tests. More resamples, fewer scores or a reference "
            "method would help"
        )


def _design(detectable: pd.DataFrame, ranks: pd.DataFrame, found: Statistics) -> Iterator[str]:
    friedman = ranks.drop_duplicates("score").set_index("score")[["friedman_p", "critical_difference"]]
    rows = []
    for row in detectable.to_dict("records"):
        column = found.columns[row["score"]]
        p, critical = friedman.loc[row["score"]]
        rows.append(
            [
                _heading(found.columns, row["score"]),
                str(row["n"]),
                str(row["seeds"]),
                _detectable(row["detectable"], column),
                _detectable(row["detectable_corrected"], column),
                _p(p),
                f"{critical:.2f}" if math.isfinite(critical) else MISSING,
            ]
        )
    header = [
        "score",
        "n",
        "seeds",
        "detectable",
        "detectable after Holm",
        "Friedman p",
        "critical difference of ranks",
    ]
    yield _table(header, rows)
    yield _bullets(
        [
            f"Detectable: smallest true difference of two methods found with {found.settings.power:.0%} power at "
            f"{LEVEL:g}, two-sided, alone and, for primary scores, among all primary tests of this protocol; from the "
            "median standard error over pairs. n: queries or scans, each counted once, of the seed with the fewest. "
            "> 1: more than the score can differ",
            "Friedman's test and Nemenyi's critical difference look at ranks within seeds, without correction over "
            "scores",
        ]
    )


def _detectable(value: float, column: Column) -> str:
    return "> 1" if value > 1 and is_bounded(column.table, column.metric) else _number(value, column)


def _heading(columns: Mapping[str, Column], score: str) -> str:
    column = columns[score]
    same = [other for other in columns.values() if other.heading == column.heading]
    return column.heading if len(same) == 1 else f"{column.heading} ({score})"


def _signed(value: float, column: Column) -> str:
    return f"{value:+.{column.digits}f}" if math.isfinite(value) else MISSING


def _ends(low: float, high: float, column: Column) -> str:
    return f"[{_signed(low, column)}, {_signed(high, column)}]" if math.isfinite(low) else MISSING


def _number(value: float, column: Column) -> str:
    return f"{value:.{column.digits}f}" if math.isfinite(value) else MISSING


def _p(value: float) -> str:
    return MISSING if not math.isfinite(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)

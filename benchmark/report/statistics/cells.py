"""Cells of one score and protocol as arrays over methods, seeds and resamples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import UserError
from benchmark.metrics.rows import QUERY_TABLES
from benchmark.report.columns import Column
from benchmark.report.summary import Place, known_first, places_of
from benchmark.report.text import count
from benchmark.results.schema import REPLICATE_COLUMNS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoreCells:
    """What every method got for one score in one protocol.

    Attributes
    ----------
    protocol
        Its name.
    score, table, metric
        Key of the column that shows the score, and what it shows.
    methods
        In the alphabet's order.
    seeds
        In rising order.
    sites
        Number of held-out sites of the protocol; 1 where none is held out.
    value
        Shape (methods, seeds): mean over held-out sites; NaN where a cell is missing or undefined.
    replicates
        One array a seed, shape (methods, resamples): the same mean on resamples of the subjects. Column b of all
        methods comes from the same subjects. NaN where undefined or not resampled.
    n
        Shape (methods,): items that the score is computed over, each counted once, of the seed with the fewest; 0 where
        a cell is missing. Each held-out site has queries of its own, which are added up; scans that a probe sees are
        the same whichever site is held out, and the fewest of a cell count.
    reason
        One a method: why a seed has no value; empty where all have one.
    higher_is_better
        Direction.
    """

    protocol: str
    score: str
    table: str
    metric: str
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    sites: int
    value: Floats
    replicates: tuple[Floats, ...]
    n: npt.NDArray[np.int64]
    reason: tuple[str, ...]
    higher_is_better: bool

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Shape (methods,): whether every seed has a value."""
        return np.asarray(np.isfinite(self.value).all(axis=1))


def score_cells(replicates: pd.DataFrame, columns: Sequence[Column]) -> Iterator[ScoreCells]:
    """Arrange a table of replicates, one result per protocol and column that has rows there, in table order.

    Parameters
    ----------
    replicates
        Table with the columns :data:`benchmark.results.schema.REPLICATE_COLUMNS`, rows in any order;
        ``replicates`` holds a sequence of numbers per row, empty where the value was not resampled.
    columns
        Scores to take out of it; one that comes twice counts once.

    Notes
    -----
    A method is expected to have every cell (held-out site and seed) that any method has in the protocol, whatever
    the score. A missing cell makes its seed's mean over sites NaN: it leaves a gap, never a rosier mean.

    Raises
    ------
    UserError
        If a column of the table is missing, or the cells of a seed have different numbers of resamples, so that
        they cannot be paired.
    ValueError
        If a column does not say enough to pick one row per cell.
    """
    missing = [name for name in REPLICATE_COLUMNS if name not in replicates]
    if missing:
        raise UserError(f"replicates: column '{missing[0]}' is missing; needed: {', '.join(REPLICATE_COLUMNS)}")
    methods = tuple(sorted(set(replicates["method"])))
    selected = {column.key: (column, column.rows(replicates)) for column in columns}
    for protocol in known_first(replicates["protocol"]):
        places = places_of(replicates[replicates["protocol"] == protocol])
        for column, rows in selected.values():
            here = rows[rows["protocol"] == protocol]
            if len(here):
                yield _arranged(here, column, methods, places)


def _arranged(rows: pd.DataFrame, column: Column, methods: tuple[str, ...], places: Sequence[Place]) -> ScoreCells:
    cells = _Cells(rows)
    seeds = tuple(sorted({seed for _, seed in places}))
    by_seed = [[place for place in places if place[1] == seed] for seed in seeds]
    together = sum if column.table in QUERY_TABLES else min
    n = [[together(cells.n(method, place) for place in some) for some in by_seed] for method in methods]
    return ScoreCells(
        protocol=str(rows["protocol"].iloc[0]),
        score=column.key,
        table=column.table,
        metric=column.metric,
        methods=methods,
        seeds=seeds,
        sites=len({site for site, _ in places}),
        value=np.array(
            [[np.mean([cells.value(method, place) for place in some]) for some in by_seed] for method in methods]
        ),
        replicates=tuple(cells.replicates(methods, some) for some in by_seed),
        n=np.min(np.array(n, np.int64), axis=1),
        reason=tuple(cells.reason(method, places) for method in methods),
        higher_is_better=cells.higher_is_better,
    )


class _Cells:
    def __init__(self, rows: pd.DataFrame) -> None:
        self._found: dict[tuple[str, Place], tuple[float, str, int, Floats]] = {}
        names = ["method", "held_out_site", "seed", "value", "note", "n", "replicates"]
        for method, site, seed, value, note, n, replicates in rows[names].itertuples(index=False):
            key = (str(method), (str(site), int(seed)))
            if key in self._found:
                raise ValueError(f"two rows for one cell and column: {method}, seed {seed}")
            self._found[key] = (float(value), str(note), int(n), np.asarray(replicates, np.float64))
        directions = set(rows["higher_is_better"].astype(bool))
        if len(directions) > 1:
            raise ValueError(f"'{rows['metric'].iloc[0]}' is better high in some rows and low in others")
        self.higher_is_better = directions.pop()

    def value(self, method: str, place: Place) -> float:
        return self._found[method, place][0] if (method, place) in self._found else math.nan

    def n(self, method: str, place: Place) -> int:
        return self._found[method, place][2] if (method, place) in self._found else 0

    def reason(self, method: str, places: Sequence[Place]) -> str:
        reasons = Counter(
            self._found[method, place][1] or "undefined" if (method, place) in self._found else "no result"
            for place in places
            if not math.isfinite(self.value(method, place))
        )
        return "; ".join(f"{cases} of {count(len(places), 'cell')}: {why}" for why, cases in sorted(reasons.items()))

    def replicates(self, methods: Sequence[str], places: Sequence[Place]) -> Floats:
        found = {
            (method, place): self._found[method, place][3]
            for method in methods
            for place in places
            if (method, place) in self._found
        }
        lengths = sorted({len(each) for each in found.values()} - {0})
        if len(lengths) > 1:
            example = next(method for (method, _), each in sorted(found.items()) if len(each) == lengths[0])
            raise UserError(
                f"replicates: method '{example}' has {lengths[0]} resamples for seed {places[0][1]}, another cell "
                f"{lengths[-1]}; methods can only be paired with the same number"
            )
        nothing = np.full(lengths[0] if lengths else 0, math.nan)
        sums = np.zeros((len(methods), len(nothing)))
        for row, place in chain.from_iterable(((row, place) for place in places) for row in range(len(methods))):
            each = found.get((methods[row], place), nothing)
            sums[row] += each if len(each) else nothing
        return sums / len(places)

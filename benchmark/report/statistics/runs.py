"""Runs of one score and protocol as arrays over methods, seeds and resamples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import UserError
from benchmark.metrics.rows import QUERY_TABLES
from benchmark.report.columns import Column
from benchmark.report.summary import Place, by_run, known_first, places_of
from benchmark.report.text import counted
from benchmark.results.schema import REPLICATE_COLUMNS

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ScoreRuns:
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
        Shape (methods, seeds): mean over held-out sites; NaN where a run is missing or undefined.
    replicates
        One array per seed, shape (methods, resamples): the same mean on resamples of the subjects. Column b of all
        methods comes from the same subjects. NaN where undefined or not resampled.
    n
        Shape (methods,): items that the score is computed over, each counted once, of the seed with the fewest; 0 where
        a run is missing. Each held-out site has queries of its own, which are added up; scans that a probe sees are
        the same whichever site is held out, and the fewest of a run count.
    reason
        One per method: why a seed has no value; empty where all have one.
    higher_is_better
        Direction.
    shared
        Share of their test subjects that two seeds have in common, in [0, 1]
        (:mod:`benchmark.report.statistics.shared_subjects`).
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
    shared: float = 0.0

    @property
    def complete(self) -> npt.NDArray[np.bool_]:
        """Shape (methods,): whether every seed has a value."""
        return np.asarray(np.isfinite(self.value).all(axis=1))


def score_runs(
    replicates: pd.DataFrame, columns: Sequence[Column], shared: Mapping[str, float] | None = None
) -> Iterator[ScoreRuns]:
    """Arrange a table of replicates, one result per protocol and column that has rows there, in table order.

    Parameters
    ----------
    replicates
        Table with the columns :data:`benchmark.results.schema.REPLICATE_COLUMNS`, rows in any order;
        ``replicates`` holds a sequence of numbers per row, empty where the value was not resampled.
    columns
        Scores to take out of it; one that comes twice counts once.
    shared
        Share of test subjects that two seeds of a protocol have in common; 0 for a protocol that it does not name.

    Notes
    -----
    A method is expected to have every run (held-out site and seed) that any method has in the protocol, whatever
    the score. A missing run makes its seed's mean over sites NaN: it leaves a gap, never a rosier mean.

    Raises
    ------
    UserError
        If a column of the table is missing, or the runs of a seed have different numbers of resamples, so that
        they cannot be paired.
    ValueError
        If a column does not say enough to pick one row per run.
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
                yield replace(_arranged(here, column, methods, places), shared=(shared or {}).get(protocol, 0.0))


def _arranged(rows: pd.DataFrame, column: Column, methods: tuple[str, ...], places: Sequence[Place]) -> ScoreRuns:
    directions = set(rows["higher_is_better"].astype(bool))
    if len(directions) > 1:
        raise ValueError(f"'{column.metric}' is better high in some rows and low in others")
    found = by_run(rows, methods, places)
    shape = (len(methods), len(places))
    value = found["value"].to_numpy(np.float64).reshape(shape)
    n = found["n"].fillna(0).to_numpy(np.int64).reshape(shape)
    why = found["note"].replace("", "undefined").fillna("no result").to_numpy().reshape(shape)
    drawn = np.empty(len(found), object)
    drawn[:] = [np.asarray(each, np.float64) if np.ndim(each) else np.zeros(0) for each in found["replicates"]]
    seeds = tuple(sorted({seed for _, seed in places}))
    of_seed = [[place for place, (_, own) in enumerate(places) if own == seed] for seed in seeds]
    together = np.sum if column.table in QUERY_TABLES else np.min
    return ScoreRuns(
        protocol=str(rows["protocol"].iloc[0]),
        score=column.key,
        table=column.table,
        metric=column.metric,
        methods=methods,
        seeds=seeds,
        sites=len({site for site, _ in places}),
        value=np.array([[np.mean(of_method[here]) for here in of_seed] for of_method in value]),
        replicates=tuple(
            _mean_replicates(drawn.reshape(shape)[:, here], methods, seed)
            for seed, here in zip(seeds, of_seed, strict=True)
        ),
        n=np.min([together(n[:, here], axis=1) for here in of_seed], axis=0),
        reason=tuple(map(_reason, value, why)),
        higher_is_better=directions.pop(),
    )


def _reason(value: Floats, why: npt.NDArray[np.object_]) -> str:
    return counted(Counter(why[~np.isfinite(value)].tolist()), len(value))


def _mean_replicates(drawn: npt.NDArray[np.object_], methods: Sequence[str], seed: int) -> Floats:
    """Mean over held-out sites, shape (methods, resamples), of arrays in shape (methods, sites)."""
    numbers = np.vectorize(len, [int])(drawn)
    lengths = sorted(set(numbers.flat) - {0})
    if len(lengths) > 1:
        example = methods[int((numbers == lengths[0]).any(axis=1).argmax())]
        raise UserError(
            f"replicates: method '{example}' has {lengths[0]} resamples for seed {seed}, another run {lengths[-1]}; "
            "methods can only be paired with the same number"
        )
    none = np.zeros(lengths[0] if lengths else 0)
    sums = [sum((each if len(each) else none + math.nan for each in row), none) for row in drawn]
    return np.array(sums) / drawn.shape[1]

"""Which scans of an index are most similar to a query, in the order in which the benchmark's metrics rank them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.errors import UserError
from benchmark.metrics.similarity import similarities
from benchmark.search.graph import LOOK_SEARCHING, graph_rows
from benchmark.search.index import Index
from benchmark.search.segments import Floats, LoadedSegment, unit_vectors

#: Rows whose similarities are computed at a time.
BLOCK = 1 << 17
#: Candidates of a graph for every hit, as some may not be found or are of a subject that was.
SPARE = 4
#: More than float32 loses of a product of two unit vectors, per dimension: scans that are closer than this may change
#: places.
SLACK = 4 * float(np.finfo(np.float32).eps)
#: Pairs of scans of different subjects that a similarity is compared with, and the seed that they are drawn by.
PAIRS, SEED = 20_000, 0

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Hits:
    """What is found for one query.

    Attributes
    ----------
    rows
        Of the index, most similar first, shape (hits,); equally similar ones in the order of their scan keys.
    similarity
        Cosine of the angle between the LDRs, seen from the mean LDR of the training scans, in [-1, 1], shape (hits,).
    """

    rows: npt.NDArray[np.int64]
    similarity: npt.NDArray[np.float64]


def nearest(
    index: Index,
    query: Floats,
    k: int,
    among: Mask | None = None,
    one_per_subject: bool = False,
    approximate: bool = False,
) -> Hits:
    """The scans most similar to a query.

    All similarities are computed in float32; those that could be among the first k are computed again as the metrics do
    (:func:`benchmark.metrics.similarity.similarities`, float64), so that the ranks are the same.

    Parameters
    ----------
    index
        What is searched in.
    query
        LDR, shape (dimensions,).
    k
        Hits at most.
    among
        Rows that may be found, shape (rows,); None for all. Removed ones never are.
    one_per_subject
        Leave out all scans of a subject but the most similar one.
    approximate
        Take candidates from the graphs of segments that have one, which may miss some; where too few of them may be
        found, the search is exact.

    Raises
    ------
    UserError
        For a query of another shape or that is not finite, and a k below 1.
    """
    if query.shape != (index.model.dimensions,) or not np.isfinite(query).all():
        raise UserError(f"query: an LDR of shape {query.shape}; {index.model.dimensions} finite numbers are needed")
    if k < 1:
        raise UserError(f"k: {k} is not allowed; it must be at least 1")
    may = index.kept if among is None else index.kept & among
    unit = unit_vectors(query[None], index.model.centre)
    if approximate:
        found = _ranked(index, unit, _by_graph(index, unit[0].astype(np.float32), k, may))
        found = _first_of_each_subject(index, found) if one_per_subject else found
        if len(found.rows) >= k:
            return Hits(found.rows[:k], found.similarity[:k])
    allowed = np.flatnonzero(may)
    rough = _rough(index, unit[0].astype(np.float32))[allowed]
    wanted = k
    while True:
        rows = allowed[_first(rough, wanted, index.model.dimensions)]
        found = _ranked(index, unit, rows)
        if len(rows) < len(allowed):
            # Those behind are there for rounding alone, and may be less similar than what was left out.
            found = Hits(found.rows[:wanted], found.similarity[:wanted])
        if one_per_subject:
            found = _first_of_each_subject(index, found)
        if len(found.rows) >= k or len(rows) == len(allowed):
            return Hits(found.rows[:k], found.similarity[:k])
        wanted *= 4


def _rough(index: Index, unit: Floats) -> Floats:
    """Similarity of every row in float32, shape (rows,)."""
    return np.concatenate([np.zeros(0, np.float32), *(_products(part, unit) for part in index.parts)])


def _products(part: LoadedSegment, unit: Floats) -> Floats:
    blocks = [part.units[start : start + BLOCK] @ unit for start in range(0, len(part.units), BLOCK)]
    return np.concatenate([np.zeros(0, np.float32), *blocks])


def _by_graph(index: Index, unit: Floats, k: int, may: Mask) -> npt.NDArray[np.int64]:
    """Rows that are probably the nearest and may be found, in no order, from every segment those of its own."""
    rows, start, count = [np.zeros(0, np.int64)], 0, max(SPARE * k, LOOK_SEARCHING)
    for part in index.parts:
        if part.graph is not None:
            found = graph_rows(part.graph, unit, count)
            rows.append(start + found[may[start + found]])
        else:
            there = np.flatnonzero(may[start : start + len(part.units)])
            rows.append(start + there[_first(_products(part, unit)[there], k, len(unit))])
        start += len(part.units)
    return np.concatenate(rows)


def _first(rough: Floats, count: int, dimensions: int) -> npt.NDArray[np.int64]:
    """Positions of all values that could be among the largest, but for rounding; in no order."""
    if count >= len(rough):
        return np.arange(len(rough))
    least = np.partition(rough, len(rough) - count)[len(rough) - count]
    return np.flatnonzero(rough >= least - SLACK * dimensions)


def _ranked(index: Index, unit: npt.NDArray[np.float64], rows: npt.NDArray[np.int64]) -> Hits:
    if not len(rows):
        return Hits(rows, np.zeros(0))
    exact = similarities(unit, unit_vectors(index.ldrs(rows), index.model.centre), "cosine_centred")[0]
    keys = np.array(index.scans.column("scan_key").take(rows).to_pylist())
    order = np.lexsort((keys, -exact))
    return Hits(rows[order], exact[order])


def _first_of_each_subject(index: Index, found: Hits) -> Hits:
    subjects = np.array(index.scans.column("subject_id").take(found.rows).to_pylist())
    first = np.sort(np.unique(subjects, return_index=True)[1])
    return Hits(found.rows[first], found.similarity[first])


def random_similarities(index: Index) -> npt.NDArray[np.float64]:
    """Similarities of random pairs of scans of different subjects, ascending, shape (pairs,).

    A similarity by itself says little: what is high depends on the model. The share of random pairs below it does.
    The same index gives the same pairs. Empty for fewer than two subjects.
    """
    rows = np.flatnonzero(index.kept)
    if len(rows) < 2:
        return np.zeros(0)
    drawn = np.random.default_rng(SEED).choice(rows, (2, PAIRS))
    subjects = index.scans.column("subject_id")
    of = [np.array(subjects.take(each).to_pylist()) for each in drawn]
    one, two = drawn[:, of[0] != of[1]]
    units = [unit_vectors(index.ldrs(each), index.model.centre) for each in (one, two)]
    return np.sort(np.einsum("nd,nd->n", *units))


def percentile(similarity: npt.NDArray[np.float64], pairs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of random pairs that are less similar, in percent, shape (hits,); NaN where there are no pairs."""
    if not len(pairs):
        return np.full(len(similarity), np.nan)
    return 100 * np.searchsorted(pairs, similarity) / len(pairs)

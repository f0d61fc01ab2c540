"""Approximate search: a graph of near neighbours beside a segment's vectors, built once and mapped into memory.

The graph is a hierarchical navigable small world (Malkov and Yashunin, IEEE TPAMI 2020) of the library usearch, which
the extra ``search`` installs. It may miss neighbours; how many of the ten nearest it finds is measured when it is
built, and kept in the index.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from usearch.index import Index as Graph

#: Neighbours of a vector in the graph, and candidates that are looked at when it is built and searched.
CONNECTIVITY, LOOK_BUILDING, LOOK_SEARCHING = 16, 128, 128
#: Neighbours that recall is measured for, queries that it is measured by, and the seed that these are drawn by.
NEIGHBOURS, QUERIES, SEED = 10, 200, 0

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Recall:
    """How much of the exact result a graph finds.

    Attributes
    ----------
    share
        Mean share of a scan's ten nearest others that are found, in [0, 1].
    queries
        Scans that it is the mean of.
    """

    share: float
    queries: int


def build_graph(units: Floats, path: Path) -> Recall:
    """Write the graph of unit vectors, shape (scans, dimensions), and measure it; equal vectors give equal bytes."""
    graph = _empty(units.shape[1])
    # With several threads the graph would depend on which is faster.
    graph.add(np.arange(len(units)), units, threads=1, log="graph" if sys.stderr.isatty() else False)
    graph.save(str(path))
    chosen = np.sort(np.random.default_rng(SEED).permutation(len(units))[:QUERIES])
    shares = []
    for row in chosen:
        exact = units @ units[row]
        # Scans as near as the tenth are as good as it.
        least = np.partition(exact, -min(NEIGHBOURS, len(exact)))[-min(NEIGHBOURS, len(exact))]
        found = graph_rows(graph, units[row], NEIGHBOURS)
        shares.append(float((exact[found] >= least - np.float32(1e-6)).sum()) / min(NEIGHBOURS, len(exact)))
    return Recall(float(np.mean(shares)), len(chosen))


def load_graph(path: Path, dimensions: int) -> Graph:
    """A graph, mapped into memory."""
    graph = _empty(dimensions)
    graph.view(str(path))
    return graph


def graph_rows(graph: Graph, unit: Floats, count: int) -> npt.NDArray[np.int64]:
    """Rows of a segment that are probably the nearest to a unit vector, shape (at most count,)."""
    cast(Any, graph).expansion_search = max(LOOK_SEARCHING, count)
    found: Any = graph.search(unit, count, threads=1)
    return np.asarray(found.keys).astype(np.int64)


def _empty(dimensions: int) -> Graph:
    from usearch.index import Index as Graph

    return Graph(
        ndim=dimensions, metric="ip", dtype="f32", connectivity=CONNECTIVITY, expansion_add=LOOK_BUILDING,
        expansion_search=LOOK_SEARCHING,
    )  # fmt: skip

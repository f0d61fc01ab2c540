"""Latency and throughput of searches in an index, beside faiss and scikit-learn on the same vectors.

Run as ``python -m benchmarks.searching``; nothing else should run beside it. All use one thread. Recall is the share of
the ten neighbours of exact search that are found.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import pandas as pd
from jsonargparse import auto_cli
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from benchmark.search.index import Index, IndexedModel, create, writing
from benchmark.search.nearest import nearest

#: Neighbours that are asked for.
K = 10

Floats = npt.NDArray[np.float32]
Found = npt.NDArray[np.int64]
Search = Callable[[Floats], Found]


def made_up(scans: int, dimensions: int, seed: int = 0) -> Floats:
    """LDRs whose variance falls from direction to direction as that of trained ones does, shape (scans, dimensions)."""
    spread = np.linspace(1, 0.2, dimensions) ** 2
    drawn: Floats = (np.random.default_rng(seed).normal(size=(scans, dimensions)) * spread).astype(np.float32)
    return drawn


def made_up_index(folder: Path, ldrs: Floats, graph: bool) -> float:
    """Write an index of LDRs, of two scans per subject and twenty sites; the seconds that takes."""
    numbers = range(len(ldrs))
    frame = pd.DataFrame(
        {
            "subject_id": [f"s{number // 2}" for number in numbers],
            "session_id": [str(number % 2) for number in numbers],
            "site": [f"site-{number % 20}" for number in numbers],
            "diagnosis": "CN", "age": 70.0, "sex": "F", "image": "", "mask": "",
            "content": [f"{number:064x}" for number in numbers],
        }
    )  # fmt: skip
    create(folder, IndexedModel("made up", "0" * 64, np.zeros(ldrs.shape[1])))
    started = time.perf_counter()
    with writing(folder) as writer:
        writer.add(frame, ldrs)
        if graph:
            writer.compact(graph=True)
    return time.perf_counter() - started


def seconds_of(search: Search, queries: Floats) -> tuple[float, Found]:
    """Median seconds of a query, and what is found, shape (queries, K)."""
    search(queries[0])
    taken, found = [], []
    for query in queries:
        started = time.perf_counter()
        found.append(search(query))
        taken.append(time.perf_counter() - started)
    return float(np.median(taken)), np.stack(found)


def rivals_of(index: Index, graph: bool) -> dict[str, Search]:
    """Searches by name, all of the same unit vectors, as all compare by cosine; ``exact`` is ours."""
    units = np.concatenate([part.units for part in index.parts])
    flat = faiss.IndexFlatIP(units.shape[1])
    flat.add(units)
    brute = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="euclidean", n_jobs=1).fit(units)

    def exact(query: Floats) -> Found:
        return nearest(index, query, K).rows

    def approximate(query: Floats) -> Found:
        return nearest(index, query, K, approximate=True).rows

    def faiss_flat(query: Floats) -> Found:
        return np.asarray(flat.search(_unit(query), K)[1][0])

    def scikit_learn(query: Floats) -> Found:
        return np.asarray(brute.kneighbors(_unit(query), return_distance=False)[0])

    rivals: dict[str, Search] = {"exact": exact, "faiss flat": faiss_flat, "scikit-learn brute": scikit_learn}
    return rivals | {"approximate": approximate} if graph else rivals


def main(
    scans: tuple[int, ...] = (10_000, 100_000, 1_000_000), dimensions: int = 32, queries: int = 50, graph: bool = True
) -> None:
    """Print milliseconds per query and their ratios.

    Parameters
    ----------
    scans
        Sizes of the indices.
    dimensions
        Of an LDR.
    queries
        Searches that each number is the median of.
    graph
        Whether approximate search is measured, whose graph takes the longest to build.
    """
    faiss.omp_set_num_threads(1)
    with threadpool_limits(1), tempfile.TemporaryDirectory() as name:
        for count in scans:
            ldrs = made_up(count, dimensions)
            asked = made_up(queries, dimensions, seed=1)
            folder = Path(name) / str(count)
            built = made_up_index(folder, ldrs, graph)
            started = time.perf_counter()
            index = Index(folder)
            opened = time.perf_counter() - started
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            sys.stdout.write(
                f"{count} scans of {dimensions} dimensions: written in {built:.1f} s, {size / 1e6:.0f} MB, opened and "
                f"checked in {opened:.2f} s\n"
            )
            rivals = rivals_of(index, graph)
            exact, expected = seconds_of(rivals["exact"], asked)
            for rival, search in rivals.items():
                taken, found = seconds_of(search, asked)
                recall = np.mean([len(set(one) & set(other)) / K for one, other in zip(found, expected, strict=True)])
                sys.stdout.write(
                    f"  {rival}: {1000 * taken:.2f} ms per query, {1 / taken:.0f} a second, {taken / exact:.2f} times "
                    f"exact search, recall@{K} {recall:.3f}\n"
                )
                sys.stdout.flush()


def _unit(query: Floats) -> Floats:
    unit: Floats = (query / np.linalg.norm(query))[None]
    return unit


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

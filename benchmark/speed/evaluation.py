"""Time and memory of a full evaluation of made-up embeddings, beside other software on the same data.

Run as ``python -m benchmark.speed.evaluation --scans 20000 --dimensions 128 --sites 20``; ``--compare true`` needs the
development dependencies.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from threadpoolctl import threadpool_limits

from benchmark.metrics.evaluate import EvaluationSettings, process_aside, score_all, scorers
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.retrieval import label_sets
from benchmark.metrics.scans import Scans, scored_scans


def made_up(scans: int, dimensions: int, sites: int, seed: int = 0) -> pd.DataFrame:
    """Embeddings of subjects with three diagnoses, one scan each but for every tenth, with some site in them."""
    rng = np.random.default_rng(seed)
    site, diagnosis = rng.integers(sites, size=scans), rng.integers(3, size=scans)
    subject = np.where(np.arange(scans) % 10, np.arange(scans), np.maximum(np.arange(scans) - 1, 0))
    site, diagnosis = site[subject], diagnosis[subject]
    vectors = rng.normal(size=(scans, dimensions))
    vectors += 0.3 * rng.normal(size=(sites, dimensions))[site] + 0.3 * rng.normal(size=(3, dimensions))[diagnosis]
    table = pd.DataFrame(
        {
            "subject_id": np.char.add("s", subject.astype(str)),
            "session_id": np.char.add("ses", np.arange(scans).astype(str)),
            "site": np.char.add("site", site.astype(str)),
            "diagnosis": np.array(["CN", "MCI", "AD"])[diagnosis],
            "age": rng.uniform(55, 90, scans),
            "sex": np.where(rng.random(scans) < 0.5, "F", "M"),
        }
    )
    columns = {f"z{i}": vectors[:, i].astype(np.float32) for i in range(dimensions)}
    return pd.concat([table, pd.DataFrame(columns)], axis=1)


def main(
    scans: int = 20_000,
    dimensions: int = 128,
    sites: int = 20,
    bootstrap: int = 1000,
    parts: bool = False,
    compare: bool = False,
) -> None:
    """Print the seconds of an evaluation and its peak of memory.

    Parameters
    ----------
    scans, dimensions, sites
        Of the made-up embeddings.
    bootstrap
        Resamples of the intervals.
    parts
        Whether to time each metric as well, without the process aside.
    compare
        Whether to time scikit-learn, ranx and scib-metrics on the same data as well.
    """
    settings = replace(EvaluationSettings(), bootstrap=bootstrap)
    table = made_up(scans, dimensions, sites)
    with process_aside(scans) as aside:
        _line("all, as seada-bench evaluate does it", _seconds(lambda: score_all(table, settings, aside=aside)))
    own, other = (resource.getrusage(who).ru_maxrss / 2**20 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    _say(f"peak of memory: {own + other:.2f} GiB\n")
    scored = scored_scans(table)
    if parts:
        with threadpool_limits(1):
            for scorer in scorers():
                _line(scorer.__module__.rsplit(".", 1)[-1], _seconds(lambda one=scorer: one(scored, settings, None)))  # type: ignore[misc]
    if compare:
        _others(scored)


def _others(scans: Scans) -> None:
    import ranx
    import scib_metrics
    from scib_metrics.nearest_neighbors import pynndescent
    from sklearn.metrics import average_precision_score, silhouette_score

    chosen = next(iter(label_sets(scans).values()))
    part = scans.where(chosen)
    unit = part.ldr / np.linalg.norm(part.ldr, axis=1, keepdims=True)
    site, label = codes_of(part.site), codes_of(part.diagnosis)
    queries = range(0, len(part), max(1, len(part) // 500))
    share = len(part) / len(queries)

    def by_sklearn() -> None:
        for query in queries:
            gallery = site != site[query]
            average_precision_score(label[gallery] == label[query], unit[gallery] @ unit[query])

    def by_ranx() -> None:
        judged, run = {}, {}
        for query in queries:
            gallery = np.flatnonzero(site != site[query])
            names, values = gallery.astype(str).tolist(), (unit[gallery] @ unit[query]).tolist()
            run[str(query)] = dict(zip(names, values, strict=True))
            judged[str(query)] = dict(zip(names, (label[gallery] == label[query]).astype(int).tolist(), strict=True))
        ranx.evaluate(ranx.Qrels(judged), ranx.Run(run), ["map", "precision@1", "ndcg@10"])

    def by_scib() -> None:
        neighbours = pynndescent(scans.ldr, n_neighbors=90, random_state=0)
        scib_metrics.ilisi_knn(neighbours, codes_of(scans.site))
        scib_metrics.kbet(neighbours, codes_of(scans.site))

    def by_silhouette() -> None:
        silhouette_score(scans.ldr, codes_of(scans.site))

    _line(f"scikit-learn: average precision of {len(queries)} queries, times {share:.0f}", share * _seconds(by_sklearn))
    _line(f"ranx: three measures of {len(queries)} queries, times {share:.0f}", share * _seconds(by_ranx))
    _line("scib-metrics: neighbours, iLISI, kBET", _seconds(by_scib))
    _line("scikit-learn: silhouette", _seconds(by_silhouette))


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _line(name: str, seconds: float) -> None:
    _say(f"{name:<60} {seconds:8.2f} s\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

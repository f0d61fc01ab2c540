"""Time and memory of a full evaluation of made-up embeddings, beside other software on the same data.

Run as ``python -m benchmarks.evaluation --scans 20000 --dimensions 128 --sites 20``; ``--compare true`` needs the
development dependencies. Other software is timed on the scans that ours looks at: retrieval on all with the headline's
labels, measures of mixing on ``probe_scans`` of them; every line says how many.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from jsonargparse import auto_cli
from threadpoolctl import threadpool_limits

from benchmark.metrics.evaluate import EvaluationSettings, process_aside, score_all, scorers
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.mixing import bras, ilisi, kbet
from benchmark.metrics.retrieval import label_sets
from benchmark.metrics.scans import Scans, at_most, scored_scans


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
        Whether to time scikit-learn, ranx and scib-metrics on the same scans as well.
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
        for rival in (*retrieval_rivals(scored), *mixing_rivals(scored, settings)):
            # Once before: what ranx and JAX compile would count as their speed, and be multiplied.
            rival.work()
            times = f", times {rival.times:.0f}" if rival.times > 1 else ""
            _line(f"{rival.name}, {rival.scans} scans{times}", rival.times * _seconds(rival.work))


@dataclass(frozen=True)
class Rival:
    """Work to time beside other work on the same scans.

    Attributes
    ----------
    name
        Software, and what it computes.
    scans
        How many scans it sees.
    times
        What its seconds are multiplied by, since it computes that part of the queries alone.
    work
        The work; libraries are imported before it.
    """

    name: str
    scans: int
    times: float
    work: Callable[[], object]


def retrieval_rivals(scans: Scans) -> list[Rival]:
    """Other software's retrieval measures of the headline's labels, all other sites' scans being the gallery."""
    import ranx
    from sklearn.metrics import average_precision_score

    part = scans.where(next(iter(label_sets(scans).values())))
    unit = part.ldr / np.linalg.norm(part.ldr, axis=1, keepdims=True)
    site, label = codes_of(part.site), codes_of(part.diagnosis)
    queries = range(0, len(part), max(1, len(part) // 500))
    times = len(part) / len(queries)

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

    return [
        Rival(f"scikit-learn: average precision of {len(queries)} queries", len(part), times, by_sklearn),
        Rival(f"ranx: three measures of {len(queries)} queries", len(part), times, by_ranx),
    ]


def mixing_rivals(scans: Scans, settings: EvaluationSettings) -> list[Rival]:
    """Measures of mixing by other software and by this, all of the scans that ours look at: at most ``probe_scans``."""
    import scib_metrics
    from scib_metrics.nearest_neighbors import pynndescent
    from sklearn.metrics import silhouette_score

    part = at_most(scans, settings.probe_scans, settings.seed)
    site = codes_of(part.site)

    def by_scib() -> None:
        neighbours = pynndescent(part.ldr, n_neighbors=min(90, len(part) - 1), random_state=0)
        scib_metrics.ilisi_knn(neighbours, site)
        scib_metrics.kbet(neighbours, site)

    return [
        Rival("scib-metrics: neighbours, iLISI, kBET", len(part), 1.0, by_scib),
        Rival(
            "ours: the same, two coordinates, with chance levels",
            len(part),
            1.0,
            lambda: [*ilisi.scores(part, settings), *kbet.scores(part, settings)],
        ),
        Rival("scikit-learn: silhouette", len(part), 1.0, lambda: silhouette_score(part.ldr, site)),
        Rival("ours: BRAS, two coordinates, with chance levels", len(part), 1.0, lambda: bras.scores(part, settings)),
    ]


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _line(name: str, seconds: float) -> None:
    _say(f"{name:<76} {seconds:8.2f} s\n")


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    auto_cli(main, as_positional=False)

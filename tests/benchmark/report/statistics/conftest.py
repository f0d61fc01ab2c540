"""Runs of known truth, as arrays and as a table of replicates."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics.rows import key_values
from benchmark.report.columns import CROSS_SITE_MAP
from benchmark.report.statistics.hierarchical import hierarchical_bootstrap
from benchmark.report.statistics.paired import comparisons
from benchmark.report.statistics.runs import ScoreRuns
from tests.tables import long_table


@pytest.fixture
def runs():
    """Build the runs of a score from values (methods, seeds) and replicates, one (methods, resamples) a seed."""

    def build(value, replicates=None, methods=None, higher_is_better=True, protocol="pooled", score="map_cn_ad"):
        value = np.array(value, float)
        methods = methods or tuple("abcdefghij"[: len(value)])
        return ScoreRuns(
            protocol=protocol,
            score=score,
            table="retrieval",
            metric="mAP",
            methods=tuple(methods),
            seeds=tuple(range(value.shape[1])),
            sites=1,
            value=value,
            replicates=tuple(
                np.array(each, float) for each in (replicates or [np.zeros((len(value), 0))] * value.shape[1])
            ),
            n=np.full(len(value), 40),
            reason=tuple("" if np.isfinite(row).all() else "1 of 2 runs: no query" for row in value),
            higher_is_better=higher_is_better,
        )

    return build


@pytest.fixture
def simulated(runs):
    """Draw runs: value = truth + seed effect + mean over subjects; replicates are means of resampled subjects."""

    def draw(random, truth, seeds, between, within, subjects=40, resamples=200, **changes):
        truth = np.asarray(truth, float)
        value, replicates = [], []
        for _ in range(seeds):
            centre = truth + between * random.normal(size=len(truth))
            subject = centre[:, None] + within * np.sqrt(subjects) * random.normal(size=(len(truth), subjects))
            weight = random.multinomial(subjects, np.full(subjects, 1 / subjects), resamples) / subjects
            value.append(subject.mean(axis=1))
            replicates.append(subject @ weight.T)
        return runs(np.transpose(value), replicates, **changes)

    return draw


@pytest.fixture
def compared():
    """Comparisons of one or more scores, with their bootstrap."""

    def compare(*scores, resamples=500, reference=None):
        return comparisons([(each, hierarchical_bootstrap(each, resamples, 0)) for each in scores], reference)

    return compare


@pytest.fixture
def row():
    """Build one row of a table of replicates; cross-site mAP CN/AD unless changed."""

    def build(method, value, protocol="pooled", held_out_site="", seed=0, replicates=(), **changes):
        made = {
            "method": method,
            "protocol": protocol,
            "held_out_site": held_out_site,
            "seed": seed,
            "table": CROSS_SITE_MAP.table,
            "metric": CROSS_SITE_MAP.metric,
            "params": key_values(distance="cosine_centred", **CROSS_SITE_MAP.params),
            "value": value,
            "note": "",
            "n": 10,
            "higher_is_better": True,
            "replicates": np.array(replicates, np.float32),
        }
        return made | changes

    return build


@pytest.fixture
def frame():
    """Build a table of replicates from rows."""
    return lambda rows: long_table(list(rows))


@pytest.fixture
def replicates(row, frame):
    """Three methods: three pooled seeds, and two held-out sites by two seeds where `c` lacks a run; leakage once."""
    random = np.random.default_rng(0)
    level = {"a": 0.7, "b": 0.6, "c": 0.5}

    def drawn(method, **place):
        value = level[method] + 0.02 * random.normal()
        return row(method, value, replicates=value + 0.02 * random.normal(size=100), **place)

    rows = [drawn(method, seed=seed) for method in level for seed in (1, 2, 3)]
    rows += [
        drawn(method, protocol="leave_one_site_out", held_out_site=site, seed=seed)
        for method in level
        for site in ("X", "Y")
        for seed in (1, 2)
        if (method, site, seed) != ("c", "Y", 2)
    ]
    leakage = {"table": "leakage", "metric": "balanced_accuracy", "params": "coordinates=standardised;probe=linear"}
    rows += [
        row(method, 0.2 + 0.1 * place + 0.01 * random.normal(), seed=seed, higher_is_better=False, **leakage)
        for place, method in enumerate(level)
        for seed in (1, 2, 3)
    ]
    return frame(rows)

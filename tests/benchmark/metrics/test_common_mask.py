"""Top-1 with the common mask is top-1 of other vectors."""

from __future__ import annotations

import math

import numpy as np

from benchmark.metrics import common_mask, travelling
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(distances=("cosine_centred", "within_subject"), bootstrap=50)


def with_common(frame, vectors):
    for number in range(vectors.shape[1]):
        frame[f"c{number}"] = vectors[:, number]
    return frame


def test_it_is_top1_of_these_vectors_and_their_training_mean(make_table):
    frame, other = make_table(seed=0, train=20), make_table(seed=1, train=20, site_strength=2.0)
    vectors = other.filter(regex=r"^z\d+$").to_numpy() + 5.0
    ldr = [f"z{i}" for i in range(6)]
    expected = travelling.scores(scored_scans(other.assign(**dict(zip(ldr, vectors.T, strict=True)))), SETTINGS)
    plain = travelling.scores(scored_scans(frame), SETTINGS)
    found = common_mask.scores(scored_scans(with_common(frame, vectors)), SETTINGS)
    assert found[0].value == expected[0].value != plain[0].value
    for score, same in zip(found, expected, strict=True):
        assert (score.metric.table, score.metric.name) == ("outline", "top1_common_mask")
        assert (score.n, score.chance, score.ci_low, score.ci_high) == (same.n, same.chance, same.ci_low, same.ci_high)
        assert score.note == same.note


def test_vectors_that_know_nothing_find_nobody(make_table):
    frame = make_table(subjects=60, travelling=30)
    random = np.random.default_rng(0).normal(size=(len(frame), 8))
    (found, _) = common_mask.scores(scored_scans(with_common(frame, random)), SETTINGS)
    assert found.value < 0.1
    assert 0 < found.chance < 0.02
    assert travelling.scores(scored_scans(frame), SETTINGS)[0].value > 0.3


def test_why_there_is_no_value(make_table):
    frame = make_table()
    assert common_mask.scores(scored_scans(frame), SETTINGS) == []
    for vectors, reason in (
        (np.ones((len(frame), 4)), "all scored scans have the same vector"),
        (np.full((len(frame), 4), np.nan), "some values of c0, c1, ... are unknown"),
    ):
        found, _ = common_mask.scores(scored_scans(with_common(frame.copy(), vectors)), SETTINGS)
        assert math.isnan(found.value)
        assert found.note == reason

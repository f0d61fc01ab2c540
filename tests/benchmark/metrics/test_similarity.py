"""Similarities of LDRs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from benchmark.metrics.scans import scored_scans
from benchmark.metrics.similarity import prepare, similarities, vectors_of

LDR = np.random.default_rng(0).normal(size=(7, 4)) + 3
CENTRE = LDR[:4].mean(axis=0)


def matrix(ldr, distance, centre=CENTRE):
    vectors = prepare(ldr, centre, distance)
    return similarities(vectors, vectors, distance)


def test_against_scipy():
    assert matrix(LDR, "cosine") == pytest.approx(1 - cdist(LDR, LDR, "cosine"))
    assert matrix(LDR, "cosine_centred") == pytest.approx(1 - cdist(LDR - CENTRE, LDR - CENTRE, "cosine"))
    assert matrix(LDR, "euclidean") == pytest.approx(-cdist(LDR, LDR, "sqeuclidean"))


def test_vectors_without_direction_are_equally_similar_to_everything():
    # Centring equal vectors leaves rounding errors, whose directions mean nothing.
    equal = np.repeat(np.float64(np.float32([[0.1, 0.7, 1e6, 3.3]])), 7, axis=0)
    assert (matrix(equal, "cosine_centred", equal.mean(axis=0) * (1 + 1e-16)) == 0).all()
    assert (matrix(np.zeros((3, 2)), "cosine", np.zeros(2)) == 0).all()


def test_a_direction_that_float32_resolves_counts():
    vectors = np.array([[1000.0, 0.001], [1000.0, -0.001]])
    assert matrix(vectors, "cosine_centred", vectors.mean(axis=0)) == pytest.approx(np.array([[1, -1], [-1, 1]]))


def test_euclidean_far_from_the_origin_keeps_ties():
    vectors = np.array([[1e8, 0.0], [1e8, 1.0], [1e8, -1.0]])
    assert matrix(vectors, "euclidean")[0].tolist() == [0.0, -1.0, -1.0]


def test_vectors_that_differ_in_length_alone_are_the_same_to_the_cosine(make_table, set_vectors):
    table = make_table()
    scans = scored_scans(set_vectors(table, np.outer(1 + np.arange(len(table)), [0.1, 0.2, 0.7])))
    found = vectors_of(scans, "cosine")
    assert (found.vectors, found.reason) == (None, "all scored scans have the same vector")
    assert vectors_of(scans, "euclidean").vectors is not None

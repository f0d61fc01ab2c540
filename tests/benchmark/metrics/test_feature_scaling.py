"""Coordinates of probes."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from benchmark.metrics.feature_scaling import COORDINATES, transform

RNG = np.random.default_rng(0)
TRAIN = RNG.normal(size=(50, 4)) @ RNG.normal(size=(4, 4)) + 3
LDR = RNG.normal(size=(9, 4)) + 3


def test_standardised_is_the_scaler_fitted_on_the_reference():
    assert transform(LDR, TRAIN, "standardised") == pytest.approx(StandardScaler().fit(TRAIN).transform(LDR))


def test_whitened_is_pca_fitted_on_the_reference():
    # PCA divides by n - 1, and signs and order of its components are its own.
    expected = PCA(whiten=True).fit(TRAIN).transform(LDR) * np.sqrt(50 / 49)
    found = transform(LDR, TRAIN, "whitened")[:, ::-1]
    assert np.abs(found) == pytest.approx(np.abs(expected))
    assert np.cov(transform(TRAIN, TRAIN, "whitened"), rowvar=False, ddof=0) == pytest.approx(np.eye(4))


def test_raw_keeps_the_geometry():
    found = transform(LDR, TRAIN, "raw")
    ratio = np.linalg.norm(found[1:] - found[:-1], axis=1) / np.linalg.norm(LDR[1:] - LDR[:-1], axis=1)
    assert ratio == pytest.approx(np.full(8, ratio[0]))


@pytest.mark.parametrize("coordinates", COORDINATES)
def test_constant_dimensions_are_left_out(coordinates):
    # 0.1 has rounding errors in float32 means; it is constant all the same.
    constant = np.full((50, 1), np.float32(0.1), dtype=np.float64)
    found = transform(np.hstack([LDR, np.ones((9, 1))]), np.hstack([TRAIN, constant]), coordinates)
    assert found == pytest.approx(transform(LDR, TRAIN, coordinates))
    assert transform(LDR, np.ones((50, 4)), coordinates).shape == (9, 0)


def test_a_direction_a_thousandth_as_large_survives_whitening():
    basis = RNG.normal(size=(200, 3)) * [1e3, 1.0, 1.0]
    rotation = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    assert transform(basis @ rotation, basis @ rotation, "whitened").shape == (200, 3)


def test_directions_without_variance_are_dropped():
    doubled = np.hstack([TRAIN, TRAIN[:, :1]])
    assert transform(np.hstack([LDR, LDR[:, :1]]), doubled, "whitened").shape == (9, 4)

"""Order by similarity against NumPy's stable sort."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics.order import most_similar_first, smallest

RNG = np.random.default_rng(0)

NORMAL = RNG.normal(size=(5, 3000))

CASES = {
    "distinct": NORMAL,
    "ties": RNG.integers(-3, 3, (20, 500)).astype(float),
    "short runs equal in single precision": np.repeat(NORMAL[:4, :100], 5, axis=1) + 1e-12 * RNG.normal(size=500),
    "long run equal in single precision": 1 + 1e-12 * RNG.normal(size=(4, 500)),
    "all equal": np.zeros((3, 70)),
    "underflow": -np.abs(RNG.normal(size=(4, 300))) * 1e-300,
    "overflow": 1e300 * RNG.normal(size=(4, 300)),
    "both zeros": RNG.choice([0.0, -0.0, 1e-60, -1e-60], size=(5, 400)),
    "one scan": RNG.normal(size=(4, 1)),
    "no scans": np.zeros((2, 0)),
    "no queries": np.zeros((0, 3)),
    "not contiguous": RNG.normal(size=(30, 20)).T,
}


@pytest.mark.parametrize("case", CASES)
def test_against_numpy(case):
    expected = np.argsort(-CASES[case], axis=1, kind="stable")
    np.testing.assert_array_equal(most_similar_first(CASES[case]), expected)


def test_smallest_of_those_that_count():
    values = RNG.integers(0, 5, (40, 12)).astype(float)
    values[RNG.random(values.shape) < 0.4] = np.inf
    for row, found in zip(values, smallest(values, 9), strict=True):
        expected = [one for one in np.argsort(row, kind="stable") if np.isfinite(row[one])][:9]
        assert found.tolist() == expected + [-1] * (9 - len(expected))
    assert smallest(np.zeros((2, 3)), 5).tolist() == [[0, 1, 2, -1, -1]] * 2
    assert smallest(np.zeros((2, 0)), 2).tolist() == [[-1, -1]] * 2

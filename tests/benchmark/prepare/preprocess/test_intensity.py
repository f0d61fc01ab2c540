"""Intensity scales, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.prepare.preprocess.intensity import landmarks, normalised

RNG = np.random.default_rng(0)
MASK = np.zeros((20, 20, 20), bool)
MASK[2:-2, 2:-2, 2:-2] = True


def head():
    """Two tissues: grey matter around 60, more white matter around 100; air outside of the mask."""
    values = np.where(RNG.random(MASK.shape) < 0.4, RNG.normal(60, 4, MASK.shape), RNG.normal(100, 4, MASK.shape))
    return np.where(MASK, values, 0.0).astype(np.float32)


def test_zscore_and_percentile():
    volume = head()
    found = normalised(volume, MASK, "zscore")
    assert (found[MASK].mean(), found[MASK].std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))
    found = normalised(volume, MASK, "percentile")
    low, high = np.percentile(volume[MASK], (1, 99))
    np.testing.assert_allclose(found, np.clip((volume - low) / (high - low), 0, 1), atol=1e-6)
    assert normalised(volume, MASK, "none") is volume


@pytest.mark.parametrize("kind", ["zscore", "percentile", "nyul", "whitestripe"])
def test_scale_and_offset_of_a_scanner_make_no_difference(kind):
    volume = head()
    standard = landmarks(volume, MASK)
    other = np.where(MASK, 3.5 * volume + 200, 0).astype(np.float32)
    one, two = (normalised(each, MASK, kind, standard)[MASK] for each in (volume, other))
    # White stripe looks for a mode on a grid of 80 values.
    np.testing.assert_allclose(one, two, atol=0.3 if kind == "whitestripe" else 5e-3 * np.ptp(one))


def test_whitestripe_puts_white_matter_at_zero():
    volume = head()
    found = normalised(volume, MASK, "whitestripe")
    assert abs(np.median(found[MASK & (volume > 92)])) < 1.5
    assert np.median(found[MASK & (volume < 70)]) < -5


def test_nyul_brings_histograms_together():
    one = head()
    other = np.where(MASK, np.power(np.maximum(head(), 0) / 100, 1.6) * 500, 0).astype(np.float32)
    standard = np.mean([landmarks(each, MASK) for each in (one, other)], axis=0).tolist()
    assert len(standard) == 11
    assert (standard[0], standard[-1]) == (pytest.approx(1), pytest.approx(100))
    levels = np.arange(10, 100, 10)
    found = [np.percentile(normalised(each, MASK, "nyul", standard)[MASK], levels) for each in (one, other)]
    np.testing.assert_allclose(found[0], found[1], atol=0.5)
    np.testing.assert_allclose(found[0], standard[1:-1], atol=0.5)


@pytest.mark.parametrize("kind", ["zscore", "percentile", "nyul", "whitestripe", "none"])
def test_without_contrast(kind):
    with pytest.raises(UserError, match="no contrast within the mask"):
        normalised(np.ones(MASK.shape, np.float32), MASK, kind, [1.0] * 11)

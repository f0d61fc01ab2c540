"""The quality gate: what is unlike the training is told from what is like it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.search.gate import MEASURES, Reference, limits_of, problems

SHAPE = (12, 14, 12)


def volume(seed, radius=4.5, centre=(6, 7, 6)):
    """A ball of two tissues, 0 outside of it, standardised inside."""
    rng = np.random.default_rng(seed)
    away = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(np.indices(SHAPE), centre, strict=True)))
    mask = away < radius + rng.uniform(-0.3, 0.3)
    values = np.where(away < radius / 2, 1.0, 0.0) + rng.normal(0, 0.1, SHAPE)
    values = (values - values[mask].mean()) / values[mask].std()
    return np.where(mask, values, 0).astype(np.float32)


@pytest.fixture(scope="module")
def trained():
    volumes = np.stack([volume(seed) for seed in range(60)])
    reference = Reference.of(volumes, masked=True)
    return reference, limits_of([reference.numbers(each) for each in volumes])


def test_scans_like_those_of_the_training_pass(trained):
    reference, limits = trained
    failed = [problems(reference.numbers(volume(seed)), limits) for seed in range(100, 300)]
    assert sum(map(bool, failed)) <= 2


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (volume(1, centre=(2, 3, 6)), "overlap (Dice) of its brain mask"),
        (volume(1, radius=2.5), "share of the grid in its brain mask"),
        (volume(1, radius=6.0), "share of the grid in its brain mask"),
        (-volume(1), "correlation with the training's mean volume"),
        (volume(1)[::-1, ::-1, ::-1] * 0 + np.float32(1), "highest intensities"),
        (np.where(np.random.default_rng(0).random(SHAPE) < 0.02, 30, volume(1)).astype(np.float32), "highest intens"),
        (np.zeros(SHAPE, np.float32), "overlap (Dice)"),
    ],
)
def test_scans_unlike_those_of_the_training_fail_by_what_is_wrong(trained, bad, said):
    reference, limits = trained
    found = problems(reference.numbers(bad), limits)
    assert any(said in problem for problem in found)
    assert all("in training it was" in problem for problem in found)


def test_without_masks_only_intensities_are_measured():
    volumes = np.stack([volume(seed) + np.float32(0.5) for seed in range(30)])
    reference = Reference.of(volumes, masked=False)
    limits = limits_of([reference.numbers(each) for each in volumes])
    assert set(limits) == {"likeness", "low", "high"}
    assert not problems(reference.numbers(volume(77) + np.float32(0.5)), limits)
    assert problems(reference.numbers(0.5 - volume(77)), limits)


def test_a_number_that_is_not_defined_fails():
    assert problems({"mahalanobis": float("nan")}, {"mahalanobis": [1.0, 0.5, 2.0]})


def test_measures_without_limits_are_not_looked_at():
    assert not problems(dict.fromkeys(MEASURES, 1e9), {})

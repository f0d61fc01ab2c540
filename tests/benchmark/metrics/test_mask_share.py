"""The share of an LDR that the mask explains: floor, ceiling, and what lies between."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics.mask_share import scores
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings

SETTINGS = EvaluationSettings(distances=("euclidean",), bootstrap=0)


def table(make, train=40, weight=0.0, seed=0, per_subject=1, **more):
    """Scans with 20 mask components, one mask per subject, and an LDR of which this share is made of them."""
    frame = make(train=train, dimensions=8, seed=seed, **more)
    if per_subject > 1:
        frame = pd.concat([frame.assign(session_id=f"ses-{n}") for n in range(per_subject)], ignore_index=True)
    rng = np.random.default_rng(seed)
    names, owner = np.unique(frame["subject_id"], return_inverse=True)
    # As of principal components, the variances fall.
    mask = (rng.normal(size=(len(names), 20)) / np.arange(1, 21))[owner]
    signal = mask @ rng.normal(size=(20, 8))
    # Noise is a person's own as well: what repeats need not be the outline.
    noise = rng.normal(size=(len(names), 8))[owner]
    ldr = math.sqrt(weight) * signal / signal.std() + math.sqrt(1 - weight) * noise + 7.0
    frame[[f"z{i}" for i in range(8)]] = ldr
    return pd.concat([frame, pd.DataFrame(mask, columns=[f"m{i}" for i in range(20)])], axis=1)


def value(frame):
    (score,) = scores(scored_scans(frame), SETTINGS)
    assert score.chance == 0
    assert score.n == (frame["split"] == "test").sum() if "split" in frame else len(frame)
    return score.value


@pytest.mark.parametrize(("train", "per_subject"), [(10, 1), (40, 1), (10, 3)])
def test_noise_reads_nothing_with_few_scans_and_with_repeats(make_table, train, per_subject):
    found = [value(table(make_table, train, seed=seed, per_subject=per_subject)) for seed in range(8)]
    assert abs(np.mean(found)) < 0.03
    assert max(map(abs, found)) < 0.12


def test_least_squares_in_the_sample_would_read_a_lot(make_table):
    """What the measure is not: of 36 scans, 20 regressors explain more than half."""
    frame = table(make_table).query("split == 'test'")
    design = np.column_stack([np.ones(len(frame)), frame.filter(regex=r"^m\d+$")])
    ldr = frame.filter(regex=r"^z\d+$").to_numpy()
    residual = ldr - design @ np.linalg.lstsq(design, ldr, rcond=None)[0]
    assert 1 - np.square(residual).sum() / np.square(ldr - ldr.mean(axis=0)).sum() > 0.4


def test_components_of_the_mask_are_explained_whole(make_table):
    assert value(table(make_table, weight=1.0)) > 0.99
    assert value(table(make_table, weight=1.0).drop(columns="split")) > 0.95


@pytest.mark.parametrize("split", [True, False])
def test_half_reads_half(make_table, split):
    frame = table(make_table, train=300, weight=0.5, subjects=150)
    assert abs(value(frame if split else frame.drop(columns="split")) - 0.5) < 0.07


def test_it_does_not_depend_on_scale_place_or_order(make_table):
    frame = table(make_table, weight=0.5)
    other = frame.sample(frac=1, random_state=1).reset_index(drop=True)
    ldr = other.filter(regex=r"^z\d+$").columns
    other[ldr] = other[ldr] * 1e3 - 40
    assert math.isclose(value(frame), value(other), rel_tol=1e-6)


def test_equal_masks_explain_nothing(make_table):
    frame = table(make_table, weight=0.5)
    frame[[f"m{i}" for i in range(20)]] = 0.0
    # The mean of the training scans is not quite that of the scored ones; both sides of the ratio have it.
    assert value(frame) == 0


def test_why_there_is_no_value(make_table):
    frame = table(make_table)
    assert scores(scored_scans(frame.drop(columns=[f"m{i}" for i in range(20)])), SETTINGS) == []
    few = table(make_table, train=3)
    unknown = frame.assign(m3=np.nan)
    constant = frame.assign(**{f"z{i}": 1.0 for i in range(8)})
    for given, reason in (
        (few, "9 training subjects; at least 10 are needed"),
        (unknown, "some values of m0, m1, ... are unknown"),
        (constant, "the LDR is constant over the scored scans"),
    ):
        (score,) = scores(scored_scans(given), SETTINGS)
        assert math.isnan(score.value)
        assert score.note == reason

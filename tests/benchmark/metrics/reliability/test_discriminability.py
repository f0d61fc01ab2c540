"""Discriminability against a loop, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark import metrics


def naive(ldr, subject):
    """Mean over pairs of scans of a subject of the share of others' scans that are further from the first."""
    shares = []
    for first in range(len(ldr)):
        others = [np.linalg.norm(ldr[first] - ldr[j]) for j in range(len(ldr)) if subject[j] != subject[first]]
        for second in range(len(ldr)):
            if second != first and subject[second] == subject[first]:
                own = np.linalg.norm(ldr[first] - ldr[second])
                shares.append(np.mean([1.0 if own < one else 0.5 if own == one else 0.0 for one in others]))
    return float(np.mean(shares))


@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize("ties", [False, True])
def test_against_a_loop(ties, repeats):
    rng = np.random.default_rng(0)
    subject, site = (each.ravel() for each in np.indices((6, 4)))
    if repeats:
        subject, site = np.r_[subject, 0, 0, 3], np.r_[site, 1, 2, 0]
    ldr = rng.normal(size=(6, 3))[subject] + rng.normal(size=(len(subject), 3))
    ldr = np.round(ldr) if ties else ldr
    found = metrics.discriminability(ldr, site=site, subject=subject, distance="euclidean")
    assert found.value == pytest.approx(naive(ldr, subject))
    assert 0.5 < found.value < 1
    assert (found.n, found.chance) == (len(subject), 0.5)
    assert found.ci_low < found.value < found.ci_high <= 1


def test_by_hand():
    # From 0 to 2 it is 2, and of 1, 11, 20 and 21 one is nearer to 0: 3/4; to 2 as well. From 1 to 11 it is 10, and two
    # (0, 2) are nearer to 1: 1/2; to 11, 2 and 20 are at 9, 21 is at 10, which counts half, and 0 is further: 3/8. From
    # 20 to 21 it is 1, and nobody is nearer to either: 1.
    ldr = np.array([[0.0], [2], [1], [11], [20], [21]])
    found = metrics.discriminability(ldr, site=[0, 1] * 3, subject=[0, 0, 1, 1, 2, 2], distance="euclidean")
    assert found.value == pytest.approx((0.75 + 0.75 + 0.5 + 0.375 + 1 + 1) / 6)


def test_who_did_not_travel_is_not_compared():
    rng = np.random.default_rng(1)
    subject, site = (each.ravel() for each in np.indices((5, 3)))
    ldr = rng.normal(size=(5, 3))[subject] + rng.normal(size=(15, 3))
    alone = metrics.discriminability(ldr, site=site, subject=subject, distance="euclidean")
    more = metrics.discriminability(
        np.vstack([ldr, rng.normal(size=(9, 3))]), site=np.r_[site, np.arange(9) % 3], subject=np.r_[subject, 10:19],
        distance="euclidean",
    )  # fmt: skip
    assert more == alone


def test_it_goes_on_where_top1_is_saturated():
    # Every scan has a scan of its own subject nearest to it, yet subjects are as wide as they are apart.
    rng = np.random.default_rng(2)
    subject, site = (each.ravel() for each in np.indices((8, 6)))
    pairs = 40.0 * rng.normal(size=(8, 3, 2))[subject, site // 2]
    ldr = pairs + 40.0 * rng.normal(size=(8, 2))[subject] + 0.01 * rng.normal(size=(48, 2))
    how = {"site": site, "subject": subject, "distance": "euclidean"}
    assert metrics.travelling_top1(ldr, **how).value == 1.0
    assert metrics.discriminability(ldr, **how).value < 0.9


def test_perfect_and_undefined():
    subject, site = (each.ravel() for each in np.indices((4, 3)))
    ldr = 100.0 * np.eye(4)[subject] + np.random.default_rng(0).normal(size=(12, 4))
    found = metrics.discriminability(ldr, site=site, subject=subject, distance="euclidean")
    assert found.value == 1.0
    # Of a value that no subject changes there is no interval.
    assert math.isnan(found.ci_low)
    found = metrics.discriminability(np.ones((12, 2)), site=site, subject=subject, distance="euclidean")
    assert (found.n, found.note) == (12, "all scored scans have the same vector")
    assert math.isnan(found.value)

"""Normalised discounted cumulative gain of the first ten."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.ranked.lists import Floats, Integers, Measure, RankedLists, share

DEPTH = 10

#: Discounts 1 / log2(rank + 1) of the ranks 1 to DEPTH.
DISCOUNTS = 1.0 / np.log2(np.arange(2, DEPTH + 2))

_SUMS = np.concatenate([[0.0], np.cumsum(DISCOUNTS)])


def ndcg(lists: RankedLists) -> Floats:
    """DCG = Σ_{ranks ≤ 10 of relevant scans} 1 / log2(rank + 1), divided by its largest possible value.

    Järvelin & Kekäläinen, ACM TOIS 2002, with gain 0 or 1. In [0, 1], higher is better; needs ten scans in the
    gallery, so that no list is easier for being short.
    """
    rank = lists.first(DEPTH)
    gain = np.where((rank > 0) & (rank <= DEPTH), DISCOUNTS[np.clip(rank, 1, DEPTH) - 1], 0.0)
    with np.errstate(invalid="ignore"):
        values: Floats = gain.sum(axis=1) / _SUMS[np.minimum(lists.total, DEPTH)]
    return values


def expected_ndcg(total: Integers, size: Integers) -> Floats:
    """Expectation under a random order, by linearity: R/N times the sum of the discounts, over the ideal DCG."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values: Floats = share(total, size) * _SUMS[np.minimum(size, DEPTH)] / _SUMS[np.minimum(total, DEPTH)]
    return values


MEASURES = (Measure(f"nDCG@{DEPTH}", DEPTH, ndcg, expected_ndcg),)

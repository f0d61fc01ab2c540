"""Reciprocal rank of the first relevant scan."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.ranked.lists import Floats, Integers, Measure, RankedLists


def reciprocal_rank(lists: RankedLists) -> Floats:
    """1 / rank of the first relevant scan (Voorhees, TREC-8 1999); its mean over queries is MRR.

    In [0, 1], higher is better; needs one relevant scan.
    """
    first = lists.first(1)[:, 0]
    values: Floats = np.divide(1.0, first, out=np.zeros(len(first)), where=first > 0)
    return values


def expected_reciprocal_rank(total: Integers, size: Integers) -> Floats:
    """Expectation under a random order of N scans, R of them relevant.

    The first relevant scan is at rank r with probability R/(N-r+1) Π_{i<r} (1 - R/(N-i+1)).
    """
    pairs, which = np.unique(np.stack([total, size]), axis=1, return_inverse=True)
    values: Floats = np.array([_expected(int(r), int(n)) for r, n in pairs.T])[which.ravel()]
    return values


def _expected(relevant: int, scans: int) -> float:
    if relevant == 0:
        return float("nan")
    ranks = np.arange(1, scans - relevant + 2)
    hit = relevant / (scans - ranks + 1)
    missed_before = np.concatenate([[1.0], np.cumprod(1 - hit)[:-1]])
    return float((missed_before * hit / ranks).sum())


MEASURES = (Measure("MRR", 1, reciprocal_rank, expected_reciprocal_rank),)

"""Average precision."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.ranked.lists import Floats, Integers, Measure, RankedLists


def average_precision(lists: RankedLists) -> Floats:
    """Mean over the relevant scans of the precision at their rank: AP = 1/R Σ_j j / rank_j (Manning et al. 2008, 8.4).

    In [0, 1], higher is better; needs one relevant scan. Its mean over queries is mAP.
    """
    with np.errstate(invalid="ignore"):
        values: Floats = lists.summed(lists.ordinal() / lists.rank) / lists.total
    return values


def expected_average_precision(total: Integers, size: Integers) -> Floats:
    """Expectation of AP under a random order of N scans, R of them relevant.

    AP = 1/R Σ_i r_i/i Σ_{j≤i} r_j with E[r_i] = R/N and, for i ≠ j, E[r_i r_j] = R(R-1) / (N(N-1)); hence, with
    H = Σ_{i≤N} 1/i, E[AP] = 1/N (H + (R-1)/(N-1) (N - H)).
    """
    longest = int(size.max(initial=0))
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, longest + 1))])[size]
    pairs = np.divide(total - 1, size - 1, out=np.zeros(len(size)), where=size > 1)
    with np.errstate(invalid="ignore"):
        values: Floats = (harmonic + pairs * (size - harmonic)) / size
    return values


MEASURES = (Measure("mAP", 1, average_precision, expected_average_precision),)

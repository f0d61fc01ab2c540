"""Recall of the first k."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.ranked.lists import Floats, Integers, Measure, RankedLists


def _recall_at(k: int) -> Measure:
    def recall(lists: RankedLists) -> Floats:
        """recall@k = (relevant scans among the first k) / R, shape (lists,), R being all relevant scans.

        Manning et al. 2008, section 8.4. In [0, min(1, k/R)], higher is better; needs k scans in the gallery and one
        relevant one. Expectation under a random order of N scans: k/N.
        """
        with np.errstate(invalid="ignore"):
            values: Floats = lists.found(k) / lists.total
        return values

    def expected(total: Integers, size: Integers) -> Floats:
        # k places, each relevant with probability R/N, divided by R.
        values: Floats = np.divide(k, size, out=np.full(len(size), np.nan), where=size > 0)
        return values

    return Measure(f"recall@{k}", k, recall, expected)


MEASURES = (_recall_at(10),)

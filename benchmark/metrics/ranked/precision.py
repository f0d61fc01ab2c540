"""Precision of the first k."""

from __future__ import annotations

from benchmark.metrics.ranked.lists import Floats, Measure, RankedLists, share


def _precision_at(k: int) -> Measure:
    def precision(lists: RankedLists) -> Floats:
        """P@k = (relevant scans among the first k) / k, shape (lists,) (Manning et al. 2008, section 8.4).

        In [0, 1], higher is better; needs k scans in the gallery and one relevant one. Expectation under a random order
        of N scans, R of them relevant: R/N.
        """
        return lists.found(k) / k

    return Measure(f"P@{k}", k, precision, share)


MEASURES = tuple(_precision_at(k) for k in (1, 5, 10))

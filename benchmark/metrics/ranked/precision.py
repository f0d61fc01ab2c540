"""Precision of the first k."""

from __future__ import annotations

from benchmark.metrics.ranked.lists import Floats, Measure, RankedLists, share


def _precision_at(k: int) -> Measure:
    def precision(lists: RankedLists) -> Floats:
        return lists.found(k) / k

    return Measure(f"P@{k}", k, precision, share)


#: P@k: relevant scans among the first k, divided by k (Manning et al. 2008, section 8.4). In [0, 1], higher is better;
#: needs k scans in the gallery. Expectation under a random order: R/N.
MEASURES = tuple(_precision_at(k) for k in (1, 5, 10))

"""Ranked lists with binary relevance: their measures, per list, and expected under a random order.

Lists are kept as the ranks of their relevant scans. Measures see ranks, never similarities: adding a constant to all
similarities, or any other increasing map of them, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Ranks that nDCG sees.
DEPTH = 10

#: Discounts 1 / log2(rank + 1) of the ranks 1 to DEPTH.
DISCOUNTS = 1.0 / np.log2(np.arange(2, DEPTH + 2))

_SUMS = np.concatenate([[0.0], np.cumsum(DISCOUNTS)])


@dataclass(frozen=True)
class RankedLists:
    """Ranks of the relevant scans of many ranked lists.

    Attributes
    ----------
    rank
        Ranks of the relevant scans, from 1, list by list, best first, shape (relevant scans,).
    total, size
        Relevant scans R and all scans N of each list, shape (lists,).
    """

    rank: npt.NDArray[np.int32]
    total: Integers
    size: Integers

    @property
    def start(self) -> Integers:
        """Where each list begins in ``rank``, shape (lists,)."""
        return np.cumsum(self.total) - self.total

    def ordinal(self) -> Integers:
        """Which relevant scan of its list each one is, from 1, shape (relevant scans,)."""
        numbers: Integers = np.arange(1, len(self.rank) + 1) - np.repeat(self.start, self.total)
        return numbers

    def summed(self, weight: npt.NDArray[Any]) -> Floats:
        """Sum of a weight of each relevant scan over its list, shape (lists,)."""
        sums, filled = np.zeros(len(self.total)), self.total > 0
        if filled.any():
            sums[filled] = np.add.reduceat(weight, self.start[filled], dtype=np.float64)
        return sums

    def first(self, count: int) -> Integers:
        """Ranks of the first relevant scans of each list, shape (lists, count); 0 where there are fewer."""
        place = np.arange(count)
        there = place < self.total[:, None]
        ranks = np.zeros(there.shape, np.int64)
        ranks[there] = self.rank[(self.start[:, None] + place)[there]]
        return ranks

    def found(self, within: int) -> Floats:
        """Relevant scans among the first ``within`` of each list, shape (lists,)."""
        ranks = self.first(within)
        counts: Floats = ((ranks > 0) & (ranks <= within)).sum(axis=1).astype(np.float64)
        return counts


@dataclass(frozen=True)
class Measure:
    """A measure of one list.

    Attributes
    ----------
    name
        As in the tables.
    needs
        Scans that a list must have at least; a measure at k needs k.
    value
        Lists to values, shape (lists,), in [0, 1], higher is better; lists without relevant scan may give anything.
    expected
        Expectation when every order is equally likely, from R and N, shapes (lists,); exact.
    """

    name: str
    needs: int
    value: Callable[[RankedLists], Floats]
    expected: Callable[[Integers, Integers], Floats]


def share(total: Integers, size: Integers) -> Floats:
    """R / N, shape (lists,); NaN for an empty list."""
    shares: Floats = np.divide(total, size, out=np.full(len(size), np.nan), where=size > 0)
    return shares


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


def precision(lists: RankedLists, k: int) -> Floats:
    """P@k = (relevant scans among the first k) / k, shape (lists,) (Manning et al. 2008, section 8.4).

    In [0, 1], higher is better; needs k scans in the gallery and one relevant one. Expectation under a random order of
    N scans, R of them relevant: R/N.
    """
    return lists.found(k) / k


def r_precision(lists: RankedLists) -> Floats:
    """Precision of the first R, R being the number of relevant scans (Manning et al. 2008, section 8.4).

    In [0, 1], higher is better; needs one relevant scan. Expectation under a random order: R/N.
    """
    with np.errstate(invalid="ignore"):
        values: Floats = lists.summed(lists.rank <= np.repeat(lists.total, lists.total)) / lists.total
    return values


def recall(lists: RankedLists, k: int) -> Floats:
    """recall@k = (relevant scans among the first k) / R, shape (lists,), R being all relevant scans.

    Manning et al. 2008, section 8.4. In [0, min(1, k/R)], higher is better; needs k scans in the gallery and one
    relevant one. Expectation under a random order of N scans: k/N.
    """
    with np.errstate(invalid="ignore"):
        values: Floats = lists.found(k) / lists.total
    return values


def expected_recall(total: Integers, size: Integers, k: int) -> Floats:
    """Expectation under a random order: k places, each relevant with probability R/N, divided by R."""
    values: Floats = np.divide(k, size, out=np.full(len(size), np.nan), where=size > 0)
    return values


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


#: Measures by name; :data:`benchmark.metrics.left_out.MEASURES` has the same ones.
MEASURES = {
    measure.name: measure
    for measure in (
        Measure("mAP", 1, average_precision, expected_average_precision),
        Measure(f"nDCG@{DEPTH}", DEPTH, ndcg, expected_ndcg),
        *(Measure(f"P@{k}", k, partial(precision, k=k), share) for k in (1, 5, 10)),
        Measure("R-precision", 1, r_precision, share),
        Measure("recall@10", 10, partial(recall, k=10), partial(expected_recall, k=10)),
        Measure("MRR", 1, reciprocal_rank, expected_reciprocal_rank),
    )
}

#: Gallery scans that a measure needs at least.
NEEDS = {name: measure.needs for name, measure in MEASURES.items()}


def list_quality(lists: RankedLists) -> dict[str, Floats]:
    """Quality of each list by measure, shape (lists,) each, in [0, 1], higher is better.

    NaN where a list has no relevant scan, and for measures at k where it has fewer than k scans.
    """
    return {name: _defined(one.value(lists), one, lists.total, lists.size) for name, one in MEASURES.items()}


def expected_quality(total: Integers, size: Integers) -> dict[str, Floats]:
    """Expectation of :func:`list_quality` when every order of the gallery is equally likely; exact.

    Parameters
    ----------
    total
        Relevant scans R of each query's gallery, shape (queries,).
    size
        Scans N of each query's gallery, shape (queries,).

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (queries,) each; NaN where :func:`list_quality` is.
    """
    return {name: _defined(one.expected(total, size), one, total, size) for name, one in MEASURES.items()}


def _defined(values: Floats, measure: Measure, total: Integers, size: Integers) -> Floats:
    return np.where((total > 0) & (size >= measure.needs), values, np.nan)

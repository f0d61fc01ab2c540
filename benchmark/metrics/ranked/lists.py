"""Ranked lists with binary relevance, kept as the ranks of their relevant scans.

Measures see ranks, never similarities: adding a constant to all similarities, or any other increasing map of them,
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


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

    @classmethod
    def of(cls, relevant: npt.NDArray[np.bool_], member: npt.NDArray[np.bool_]) -> RankedLists:
        """Lists from flags of shape (lists, ranks), best first; scans that are no members are skipped and take no rank.

        Parameters
        ----------
        relevant
            Whether the scan at a rank has the query's label.
        member
            Whether it is in the query's gallery at all.
        """
        rank = np.cumsum(member, axis=1, dtype=np.int32)
        found = relevant & member
        return cls(rank[found], found.sum(axis=1), member.sum(axis=1))

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

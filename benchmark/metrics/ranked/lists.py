"""Ranked lists with binary relevance, kept as the ranks of their relevant scans.

Measures see ranks, never similarities: adding a constant to all similarities, or any other increasing map of them,
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RankedLists:
    """The relevant scans of many ranked lists, one entry a relevant scan, list by list, best first.

    Attributes
    ----------
    row
        List that each relevant scan is in, shape (relevant scans,), ascending.
    rank
        Its rank, from 1, shape (relevant scans,).
    total, size
        Relevant scans R and all scans N of each list, shape (lists,).
    """

    row: Integers
    rank: Integers
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
        row, position = np.nonzero(relevant & member)
        total = np.bincount(row, minlength=len(member))
        size = rank[:, -1].astype(np.int64) if member.shape[1] else np.zeros(len(member), np.int64)
        return cls(row, rank[row, position].astype(np.int64), total, size)

    def ordinal(self) -> Integers:
        """Which relevant scan of its list each one is, from 1, shape (relevant scans,)."""
        start = np.concatenate([[0], np.cumsum(self.total)])[:-1]
        numbers: Integers = np.arange(1, len(self.row) + 1) - start[self.row]
        return numbers

    def summed(self, weight: Floats) -> Floats:
        """Sum of a weight of each relevant scan over its list, shape (lists,)."""
        return np.bincount(self.row, weights=weight, minlength=len(self.total)).astype(np.float64)

    def found(self, within: int | Integers) -> Floats:
        """Relevant scans among the first ``within`` of each list (one number, or one a list), shape (lists,)."""
        limit = within if isinstance(within, int) else within[self.row]
        return self.summed((self.rank <= limit).astype(np.float64))


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

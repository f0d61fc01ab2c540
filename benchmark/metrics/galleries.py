"""Galleries: which scans a query is compared with, and where the relevant ones of them rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from benchmark.compiled import compiled
from benchmark.metrics.order import smallest
from benchmark.metrics.ranking import RankedLists
from benchmark.metrics.scans import Scans

#: Other subjects' scans, of all sites but the query's, of the query's site, or of all.
Gallery = Literal["other_sites", "own_site", "all_sites"]

GALLERIES: tuple[Gallery, ...] = get_args(Gallery)

Integers = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Codes:
    """What galleries are made from, as numbers from 0.

    Attributes
    ----------
    site, subject, label
        Shape (scans,).
    """

    site: Integers
    subject: Integers
    label: Integers

    @classmethod
    def of(cls, scans: Scans) -> Codes:
        """The codes of scans; the label is the diagnosis."""
        return cls(*(codes_of(text).astype(np.int32) for text in (scans.site, scans.subject, scans.diagnosis)))


def codes_of(text: npt.NDArray[np.str_]) -> Counts:
    """Number of each distinct text, shape (scans,): numbers compare many times faster than text."""
    return np.unique(text, return_inverse=True)[1]


def gallery_lists(
    order: Integers,
    queries: Counts,
    codes: Codes,
    allowed: npt.NDArray[np.bool_],
    gallery: Gallery,
    only: int | None = None,
) -> RankedLists:
    """Ranked lists of queries, in which scans of the query's label are relevant.

    Parameters
    ----------
    order
        All scans, most similar first, shape (queries, scans).
    queries
        Positions of the queries, shape (queries,); those that are not allowed get no list.
    codes
        Of all scans.
    allowed
        Scans that query and are found, shape (scans,).
    gallery
        Which of them a query is compared with.
    only
        Site whose scans alone are found; None for all.
    """
    own, others = gallery != "other_sites", gallery != "own_site"
    there = allowed if only is None else allowed & (codes.site == only)
    of_scan = (codes.site, codes.subject, codes.label)
    return RankedLists(*_lists(order, queries, of_scan, allowed, there, own, others))


def nearest_members(
    similarity: npt.NDArray[np.float64], queries: Counts, codes: Codes, gallery: Gallery, depth: int
) -> Counts:
    """First scans of each query's gallery; equally similar ones in their order.

    Parameters
    ----------
    similarity
        Shape (queries, scans).
    queries, codes, gallery
        As for :func:`gallery_lists`.
    depth
        How many.

    Returns
    -------
    numpy.ndarray
        Positions, best first, shape (queries, depth); -1 where a gallery has fewer.
    """
    member = codes.subject[queries, None] != codes.subject
    same_site = codes.site[queries, None] == codes.site
    if gallery != "all_sites":
        member &= same_site if gallery == "own_site" else ~same_site
    return smallest(np.where(member, -similarity, np.inf), depth)


def gallery_counts(queries: Counts, codes: Codes, gallery: Gallery, classes: Counts) -> Counts:
    """Scans of each class in each query's gallery, shape (queries, classes).

    Parameters
    ----------
    queries, codes, gallery
        As for :func:`gallery_lists`.
    classes
        Class of each scan, numbers from 0, shape (scans,).
    """
    width = int(classes.max(initial=-1)) + 1

    def table(group: Counts) -> Counts:
        counts = np.zeros((int(group.max(initial=-1)) + 1, width), np.int64)
        np.add.at(counts, (group, classes), 1)
        of_query: Counts = counts[group[queries]]
        return of_query

    site, subject = codes.site.astype(np.int64), codes.subject.astype(np.int64)
    both = np.unique(site * (subject.max(initial=0) + 1) + subject, return_inverse=True)[1]
    own_site = table(site) - table(both)
    if gallery == "own_site":
        return own_site
    every: Counts = np.bincount(classes, minlength=width) - table(subject)
    return every - own_site if gallery == "other_sites" else every


@compiled
def _lists(
    order: Integers,
    queries: Counts,
    codes: tuple[Integers, Integers, Integers],
    allowed: npt.NDArray[np.bool_],
    there: npt.NDArray[np.bool_],
    own: bool,
    others: bool,
) -> tuple[Integers, Counts, Counts]:
    # Without branches, which a processor cannot guess here: a place in the list is written, and stays where the scan
    # is relevant; else the next scan's is written over it.
    site, subject, label = codes
    asking = 0
    for query in queries:
        asking += allowed[query]
    total, size = np.zeros(asking, np.int64), np.zeros(asking, np.int64)
    rank = np.empty(0, np.int32)
    # Of each scan: 1 for a member of the gallery, 3 for a relevant one.
    kind = np.empty(len(site), np.uint8)
    for writing in range(2):
        at, begin = 0, 0
        for row in range(len(queries)):
            query = queries[row]
            if not allowed[query]:
                continue
            of_site, of_subject, of_label = site[query], subject[query], label[query]
            members, relevant = 0, 0
            for other in range(len(site)):
                same = site[other] == of_site
                member = there[other] & (subject[other] != of_subject) & (own if same else others)
                wanted = member & (label[other] == of_label)
                kind[other] = np.uint8(member) + np.uint8(2) * np.uint8(wanted)
                members += member
                relevant += wanted
            total[at], size[at] = relevant, members
            at += 1
            if writing:
                seen, place = np.int32(0), begin
                for other in order[row]:
                    seen += np.int32(kind[other] & 1)
                    rank[place] = seen
                    place += kind[other] >> 1
                begin += relevant
        if not writing:
            rank = np.empty(total.sum() + 1, np.int32)
    return rank[:-1], total, size

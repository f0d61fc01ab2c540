"""What leaving a subject out of all galleries changes in the quality of ranked lists, one subject after the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.compiled import compiled
from benchmark.metrics.galleries import Codes, Gallery
from benchmark.metrics.ranking import DISCOUNTS

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Integers = npt.NDArray[np.int32]

#: Measures that are computed without each subject, in the order of the results. Others have no interval.
MEASURES = ("mAP", "P@1", "P@5", "P@10", "R-precision", "nDCG@10", "recall@10", "MRR")

#: Most scans of a subject for which average precision without it is looked up; with more its list is walked anew.
LOOKED_UP = 16

_KS = np.array([1, 5, 10])
_IDEAL = np.concatenate([[0.0], np.cumsum(DISCOUNTS)])


@dataclass(frozen=True)
class GalleryEffects:
    """What leaving subjects out of galleries changes in a score, which is a weighted sum over queries.

    Attributes
    ----------
    change
        Sum over queries of the change of their values, times their weights, shape (subjects, measures).
    luck
        Sum over querying subjects s, and over the subjects i of a stratum, of the square of what the queries of s have
        of the change of i, less its mean over i, shape (strata, measures).
    """

    change: Floats
    luck: Floats

    @classmethod
    def none(cls, subjects: int, strata: int, measures: int) -> GalleryEffects:
        """No effect yet."""
        return cls(np.zeros((subjects, measures)), np.zeros((strata, measures)))

    def add(self, part: GalleryEffects) -> None:
        """Add the effects in the lists of other subjects' queries, in place."""
        self.change[:] += part.change
        self.luck[:] += part.luck


def site_weights(defined: npt.NDArray[np.bool_], site: Counts) -> Floats:
    """Weights that make a sum over queries the mean over sites of the mean of each site's defined values.

    Parameters
    ----------
    defined
        Shape (queries, measures).
    site
        Site of each query, shape (queries,).
    """
    place = np.unique(site, return_inverse=True)[1]
    counts = np.zeros((int(place.max(initial=-1)) + 1, defined.shape[1]))
    np.add.at(counts, place, defined.astype(np.float64))
    weights: Floats = np.where(defined, 1.0, 0.0) / np.maximum(counts[place], 1.0) / max(len(counts), 1)
    return weights


def effects_in_lists(
    order: Integers,
    queries: Counts,
    codes: Codes,
    allowed: npt.NDArray[np.bool_],
    gallery: Gallery,
    weight: Floats,
    stratum: Counts,
) -> GalleryEffects:
    """What leaving each subject out of galleries changes in the values of queries, for :data:`MEASURES`.

    The change of a query's value is exact: without subject s its list is what it is once the scans of s are crossed
    out. A query whose relevant scans are all of one subject keeps its value, and a gallery that falls below what a
    measure needs has places that nothing fills.

    Parameters
    ----------
    order, queries, codes, allowed, gallery
        As for :func:`benchmark.metrics.galleries.gallery_lists`; queries of a subject stand side by side.
    weight
        Of each query in each score, 0 where it has no value, shape (queries, measures).
    stratum
        Of each subject, numbers from 0, shape (subjects,).

    Returns
    -------
    GalleryEffects
        Of all measures.
    """
    sizes, of_scan = np.bincount(stratum), (codes.site, codes.subject, codes.label)
    effects = GalleryEffects.none(len(stratum), len(sizes), len(MEASURES))
    most = int(np.bincount(codes.subject[allowed]).max(initial=0)) if allowed.any() else 0
    own, others, looked_up = gallery != "other_sites", gallery != "own_site", min(most, LOOKED_UP)
    results = (effects.change, effects.luck)
    _effects(order, queries, of_scan, allowed, own, others, weight, stratum, sizes, looked_up, *results)
    return effects


@compiled
def _found(prefix: Counts, ranks: Counts, relevant: Counts, count: int, first: int, size: int) -> int:
    # Relevant scans among the first that stay, where `count` ranks, of which some are relevant, are crossed out.
    skipped, hits = 0, 0
    while skipped < count and ranks[skipped] <= first + skipped:
        hits += relevant[skipped]
        skipped += 1
    reach = min(first + skipped, size)
    return int(prefix[reach]) - hits


@compiled
def _values(
    prefix: Counts,
    flags: npt.NDArray[np.bool_],
    of_rank: Counts,
    gone: int,
    ranks: Counts,
    relevant: Counts,
    count: int,
    size: int,
    total: int,
    first_hit: int,
    precision: float,
    values: Floats,
) -> None:
    # All measures of a list of which `count` ranks are crossed out, `total` relevant scans being left; ranks from 1.
    values[0] = precision / total
    for at in range(3):
        values[1 + at] = _found(prefix, ranks, relevant, count, _KS[at], size) / _KS[at]
    values[4] = _found(prefix, ranks, relevant, count, total, size) / total
    gain, kept, rank = 0.0, 0, 1
    while kept < 10 and rank <= size:
        if count == 0 or of_rank[rank] != gone:
            if flags[rank]:
                gain += DISCOUNTS[kept]
            kept += 1
        rank += 1
    values[5] = gain / _IDEAL[min(total, 10)]
    values[6] = values[3] * 10 / total
    rank, skipped = first_hit, 0
    if count and ranks[0] <= first_hit:
        rank = 1
        while not flags[rank] or of_rank[rank] == gone:
            if of_rank[rank] == gone:
                skipped += 1
            rank += 1
    values[7] = 1.0 / (rank - skipped)


@compiled
def _settled(own_change: Floats, stratum: Counts, sizes: Counts, sums: Floats, change: Floats, luck: Floats) -> None:
    sums[:] = 0.0
    for gone in range(own_change.shape[0]):
        where = stratum[gone]
        for measure in range(own_change.shape[1]):
            value = own_change[gone, measure]
            change[gone, measure] += value
            luck[where, measure] += value**2
            sums[where, measure] += value
            own_change[gone, measure] = 0.0
    for where in range(len(sizes)):
        for measure in range(own_change.shape[1]):
            luck[where, measure] -= sums[where, measure] ** 2 / sizes[where]


@compiled
def _summed(flags: npt.NDArray[np.bool_], prefix: Counts, size: int, heights: Floats, slopes: Floats) -> None:
    # Sums over relevant ranks i up to each rank, of j / (i - t) for the j-th relevant scan, and of 1 / (i - t).
    for shift in range(len(heights)):
        height, slope = 0.0, 0.0
        for rank in range(1, size + 1):
            if flags[rank] and rank > shift:
                height += prefix[rank] / (rank - shift)
                slope += 1.0 / (rank - shift)
            heights[shift, rank], slopes[shift, rank] = height, slope


@compiled
def _precisions_looked_up(
    heights: Floats, slopes: Floats, ranks: Counts, relevant: Counts, count: int, size: int
) -> float:
    # Sum of the precisions at relevant scans where `count` ranks are crossed out, from the sums between these.
    precision, before = 0.0, 0
    for shift in range(count + 1):
        low = ranks[shift - 1] if shift else 0
        high = ranks[shift] - 1 if shift < count else size
        precision += heights[shift, high] - heights[shift, low]
        precision -= before * (slopes[shift, high] - slopes[shift, low])
        before += relevant[shift] if shift < count else 0
    return precision


@compiled
def _precisions_walked(flags: npt.NDArray[np.bool_], of_rank: Counts, gone: int, size: int) -> float:
    # The same, one scan after the other.
    precision, before, left = 0.0, 0, 0
    for rank in range(1, size + 1):
        if of_rank[rank] != gone:
            left += 1
            if flags[rank]:
                before += 1
                precision += before / left
    return precision


@compiled
def _effects(
    order: Integers,
    queries: Counts,
    codes: tuple[Integers, Integers, Integers],
    allowed: npt.NDArray[np.bool_],
    own: bool,
    others: bool,
    weight: Floats,
    stratum: Counts,
    sizes: Counts,
    looked_up: int,
    change: Floats,
    luck: Floats,
) -> None:
    site, subject, label = codes
    scans, measures = len(site), weight.shape[1]
    # Changes of the lists of one querying subject, which are summed before they are squared.
    own_change, sums = np.zeros(change.shape), np.zeros(luck.shape)
    flags, of_rank = np.zeros(scans + 2, np.bool_), np.zeros(scans + 2, np.int64)
    prefix = np.zeros(scans + 2, np.int64)
    head, following = np.zeros(change.shape[0], np.int64), np.zeros(scans + 2, np.int64)
    heights = np.zeros((looked_up + 1, scans + 2))
    slopes = np.zeros((looked_up + 1, scans + 2))
    ranks, relevant = np.zeros(scans + 1, np.int64), np.zeros(scans + 1, np.int64)
    base, values = np.zeros(measures), np.zeros(measures)
    for row in range(len(queries)):
        query = queries[row]
        if row and subject[query] != subject[queries[row - 1]]:
            _settled(own_change, stratum, sizes, sums, change, luck)
        if not allowed[query]:
            continue
        size, total, first_hit = 0, 0, 0
        for other in order[row]:
            same = site[other] == site[query]
            if allowed[other] and subject[other] != subject[query] and (own if same else others):
                size += 1
                hit = label[other] == label[query]
                total += hit
                flags[size], of_rank[size], prefix[size] = hit, subject[other], total
                if hit and total == 1:
                    first_hit = size
        if total == 0:
            continue
        for rank in range(size, 0, -1):
            following[rank] = head[of_rank[rank]]
            head[of_rank[rank]] = rank
        _summed(flags, prefix, size, heights, slopes)
        _values(prefix, flags, of_rank, -1, ranks, relevant, 0, size, total, first_hit, heights[0, size], base)
        for rank in range(1, size + 1):
            gone = of_rank[rank]
            if head[gone] != rank:
                continue
            count, hits, here = 0, 0, rank
            while here:
                ranks[count], relevant[count] = here, flags[here]
                hits += flags[here]
                count += 1
                here = following[here]
            if total == hits:
                continue
            if count <= looked_up:
                precision = _precisions_looked_up(heights, slopes, ranks, relevant, count, size)
            else:
                precision = _precisions_walked(flags, of_rank, gone, size)
            left = total - hits
            _values(prefix, flags, of_rank, gone, ranks, relevant, count, size, left, first_hit, precision, values)
            for measure in range(measures):
                own_change[gone, measure] += weight[row, measure] * (values[measure] - base[measure])
        for rank in range(1, size + 1):
            head[of_rank[rank]] = 0
    _settled(own_change, stratum, sizes, sums, change, luck)

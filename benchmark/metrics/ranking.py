"""Quality of ranked lists with binary relevance: per query, and expected under a random ranking.

All functions see relevance by rank, best first, never similarities: adding a constant to all similarities, or any
other increasing map of them, changes nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def ranked_quality(relevant: npt.NDArray[np.bool_], member: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    """Quality of each query's ranking.

    Parameters
    ----------
    relevant
        Shape (queries, ranks): whether the scan at a rank has the query's label.
    member
        Shape (queries, ranks): whether the scan at a rank is in the query's gallery at all; others are skipped and
        take no rank.

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (queries,) each, in [0, 1], higher is better: ``mAP`` (average precision), ``P@1``, ``P@5``, ``P@10``
        (precision of the first k), ``R-precision`` (precision of the first R, R = number of relevant scans) and
        ``nDCG@10`` (discount 1 / log2(rank + 1), gain 0 or 1). NaN where a query has no relevant scan, and for
        metrics at k where its gallery holds fewer than k scans.
    """
    hit = relevant & member
    rank = np.cumsum(member, axis=1, dtype=np.int64)
    size = member.sum(axis=1)
    total = hit.sum(axis=1)
    hits_so_far = np.cumsum(hit, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        quality = {
            "mAP": np.where(hit, hits_so_far / rank, 0.0).sum(axis=1) / total,
            "P@1": (hit & (rank <= 1)).sum(axis=1) / 1,
            "P@5": (hit & (rank <= 5)).sum(axis=1) / 5,
            "P@10": (hit & (rank <= 10)).sum(axis=1) / 10,
            "R-precision": (hit & (rank <= total[:, None])).sum(axis=1) / total,
            "nDCG@10": _dcg(hit, rank) / _ideal_dcg(total),
        }
    return _defined(quality, total, size)


def expected_quality(total: npt.NDArray[np.int64], size: npt.NDArray[np.int64]) -> dict[str, Floats]:
    """Expectation of :func:`ranked_quality` when every order of the gallery is equally likely; exact.

    Parameters
    ----------
    total
        Relevant scans R of each query's gallery, shape (queries,).
    size
        Scans N of each query's gallery, shape (queries,).

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (queries,) each; NaN where :func:`ranked_quality` is.

    Notes
    -----
    A rank holds a relevant scan with probability R/N, which gives P@k, R-precision and, by linearity, nDCG@10.
    For average precision, AP = 1/R · Σ_i r_i/i · Σ_{j≤i} r_j with E[r_i] = R/N and, for i ≠ j,
    E[r_i r_j] = R(R-1) / (N(N-1)); hence, with the harmonic number H = Σ_{i≤N} 1/i,
    E[AP] = 1/N · (H + (R-1)/(N-1) · (N - H)).
    """
    share = np.divide(total, size, out=np.full(len(size), np.nan), where=size > 0)
    longest = int(size.max(initial=0))
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, longest + 1))])[size]
    pairs = np.divide(total - 1, size - 1, out=np.zeros(len(size)), where=size > 1)
    discounts = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, 12)))])[np.minimum(size, 10)]
    with np.errstate(divide="ignore", invalid="ignore"):
        quality = {
            "mAP": (harmonic + pairs * (size - harmonic)) / size,
            "P@1": share,
            "P@5": share.copy(),
            "P@10": share.copy(),
            "R-precision": share.copy(),
            "nDCG@10": share * discounts / _ideal_dcg(total),
        }
    return _defined(quality, total, size)


#: Gallery scans that a metric needs at least.
NEEDS = {"mAP": 1, "P@1": 1, "P@5": 5, "P@10": 10, "R-precision": 1, "nDCG@10": 10}


def _defined(
    quality: dict[str, Floats], total: npt.NDArray[np.int64], size: npt.NDArray[np.int64]
) -> dict[str, Floats]:
    return {name: np.where((total > 0) & (size >= NEEDS[name]), values, np.nan) for name, values in quality.items()}


def _dcg(hit: npt.NDArray[np.bool_], rank: npt.NDArray[np.int64]) -> Floats:
    counted = hit & (rank <= 10)
    gain: Floats = np.where(counted, 1.0 / np.log2(np.maximum(rank, 1) + 1.0), 0.0).sum(axis=1)
    return gain


def _ideal_dcg(total: npt.NDArray[np.int64]) -> Floats:
    best = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, 12)))])
    ideal: Floats = best[np.minimum(total, 10)]
    return ideal

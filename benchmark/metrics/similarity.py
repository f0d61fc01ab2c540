"""Similarity of LDRs: what rankings are made from."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Distance = Literal["cosine_centred", "cosine", "euclidean"]

#: Norm, relative to the largest vector that entered, below which a vector has no direction: far under what
#: float32 resolves (6e-8), far above what centring equal vectors in float64 leaves behind (1e-16).
DIRECTION_FLOOR = 1e-10


def prepare(
    ldr: npt.NDArray[np.float64], centre: npt.NDArray[np.float64], distance: Distance
) -> npt.NDArray[np.float64]:
    """Vectors whose similarities :func:`similarities` takes.

    Parameters
    ----------
    ldr
        LDRs, shape (scans, dimensions).
    centre
        Mean of the training scans, shape (dimensions,); used by ``cosine_centred`` only.
    distance
        Cosine vectors come back with length 1, or all zero where they have no direction: a collapsed LDR is
        then equally similar to everything, and its ranking is that of the scan keys.

    Returns
    -------
    numpy.ndarray
        Shape (scans, dimensions), float64.
    """
    if distance == "euclidean":
        return ldr
    vectors = ldr - centre if distance == "cosine_centred" else ldr
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Without the tiny number, vectors that are all zero would count as longer than their floor of zero.
    floor = DIRECTION_FLOOR * float(np.linalg.norm(ldr, axis=1).max(initial=np.finfo(np.float64).tiny))
    return np.where(norms > floor, vectors / np.where(norms > floor, norms, 1.0), 0.0)


def similarities(
    queries: npt.NDArray[np.float64], gallery: npt.NDArray[np.float64], distance: Distance
) -> npt.NDArray[np.float64]:
    """Similarity of every query with every gallery scan; higher is more similar.

    Parameters
    ----------
    queries, gallery
        Results of :func:`prepare`, shapes (queries, dimensions) and (gallery scans, dimensions).
    distance
        Cosine in [-1, 1] for the cosines; the negative squared Euclidean distance, at most 0, otherwise.

    Returns
    -------
    numpy.ndarray
        Shape (queries, gallery scans), float64. Only the ranks within a row have a meaning.
    """
    if distance != "euclidean":
        cosines: npt.NDArray[np.float64] = queries @ gallery.T
        return cosines
    # Not |q|² - 2qg + |g|²: that cancels for LDRs far from the origin and makes equal distances differ.
    negative: npt.NDArray[np.float64] = -np.stack([np.square(gallery - query).sum(axis=1) for query in queries])
    return negative

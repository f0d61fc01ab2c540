"""Similarity of LDRs: what rankings are made from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.covariance import ledoit_wolf

from benchmark.metrics.feature_scaling import transform, varying
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import Distance

#: Norm, relative to the largest vector that entered, below which a vector has no direction: far under what
#: float32 resolves (6e-8), far above what centring equal vectors in float64 leaves behind (1e-16).
DIRECTION_FLOOR = 1e-10
#: Scans of subjects scanned twice at one age from which these repeats alone make the within-subject covariance.
ENOUGH_REPEATS = 40


def prepare(
    ldr: npt.NDArray[np.float64], centre: npt.NDArray[np.float64], distance: Distance
) -> npt.NDArray[np.float64]:
    """Vectors whose similarities :func:`similarities` takes.

    Parameters
    ----------
    ldr
        LDRs, shape (scans, dimensions).
    centre
        Mean of the training scans, shape (dimensions,); used by ``cosine_centred`` and ``within_subject`` only.
    distance
        Cosine vectors come back with length 1, or all zero where they have no direction: such a scan is
        then equally similar to everything, and ranks others by their keys.

    Returns
    -------
    numpy.ndarray
        Shape (scans, dimensions), float64.
    """
    if distance in ("euclidean", "whitened"):
        return ldr
    vectors = ldr if distance == "cosine" else ldr - centre
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
        Cosine in [-1, 1] for the cosines, ``within_subject`` among them; the negative squared Euclidean distance,
        at most 0, otherwise.

    Returns
    -------
    numpy.ndarray
        Shape (queries, gallery scans), float64. Only the ranks within a row have a meaning.
    """
    if distance not in ("euclidean", "whitened"):
        cosines: npt.NDArray[np.float64] = queries @ gallery.T
        return cosines
    # Not |q|² - 2qg + |g|²: that cancels for LDRs far from the origin and makes equal distances differ.
    negative: npt.NDArray[np.float64] = -cdist(queries, gallery, "sqeuclidean")
    return negative


class Vectors(NamedTuple):
    """Vectors of all scored scans in the space of a distance.

    Attributes
    ----------
    vectors
        What :func:`similarities` takes, shape (scans, dimensions); None where the distance cannot be taken.
    reason
        Why not; empty otherwise.
    """

    vectors: npt.NDArray[np.float64] | None
    reason: str = ""


def vectors_of(scans: Scans, distance: Distance) -> Vectors:
    """Vectors of the scored scans in the space of a distance; its statistics come from the reference scans.

    ``cosine_centred``, ``cosine`` and ``euclidean`` take the LDR as it is. ``whitened`` is the Euclidean distance in
    whitened principal components (the Mahalanobis distance with the training covariance). ``within_subject`` is the
    centred cosine after multiplication by the inverse root of the covariance of training subjects' repeat scans
    around their own mean (within-class covariance normalisation, Hatch et al., Interspeech 2006, with subjects for
    classes and Ledoit-Wolf shrinkage): directions in which one person's scans differ count less. It needs no label.
    Where enough training subjects were scanned twice at one age (:func:`repeats_of`), only these repeats count: scans a
    year apart differ by ageing and disease too, which would be discounted with the scanner. Where they do not differ at
    all there is nothing to discount, and the distance is the centred cosine.

    There are none where all scored scans have the same vector, as far as float32 can tell. Kept in the scans' memo.
    """
    memo = ("vectors_of", distance)
    if memo not in scans.memo:
        found = _vectors_of(scans, distance)
        # The order of equal vectors is that of their keys, or of rounding, and says nothing of the method.
        if found.vectors is not None and len(found.vectors) > 1 and not varying(found.vectors).any():
            found = Vectors(None, "all scored scans have the same vector")
        scans.memo[memo] = found
    kept: Vectors = scans.memo[memo]
    return kept


def _vectors_of(scans: Scans, distance: Distance) -> Vectors:
    ldr, reference = scans.ldr, scans.reference
    if distance == "whitened":
        return Vectors(transform(ldr, reference, "whitened"))
    if distance == "within_subject":
        if not scans.reference_is_train:
            return Vectors(None, "no training scans to take the within-subject covariance from")
        residuals = within_subject_residuals(reference, repeats_of(scans))
        if len(residuals) < 2 or not (residuals.any() or same_age_repeats(scans)):
            return Vectors(None, "no training subject has two scans that differ")
        if not residuals.any():
            return Vectors(prepare(ldr, reference.mean(axis=0), distance))
        covariance, _ = ledoit_wolf(residuals, assume_centered=True)
        eigenvalues, directions = np.linalg.eigh(covariance)
        scaling = directions / np.sqrt(np.maximum(eigenvalues, eigenvalues[-1] * np.finfo(np.float64).eps))
        ldr, reference = ldr @ scaling, reference @ scaling
    return Vectors(prepare(ldr, reference.mean(axis=0), distance))


def repeats_of(scans: Scans) -> npt.NDArray[np.str_]:
    """Whose scans count as repeats of each other, one name per reference scan, shape (reference scans,).

    The subject at one age, where :func:`same_age_repeats` holds; the subject otherwise.
    """
    return _at_age(scans) if same_age_repeats(scans) else scans.reference_subject


def same_age_repeats(scans: Scans) -> bool:
    """Whether at least :data:`ENOUGH_REPEATS` reference scans are of subjects who were scanned twice at one age."""
    _, owner = np.unique(_at_age(scans), return_inverse=True)
    return bool((np.bincount(owner)[owner] > 1).sum() >= ENOUGH_REPEATS)


def _at_age(scans: Scans) -> npt.NDArray[np.str_]:
    # A scan of unknown age is nobody's repeat.
    age = np.where(np.isfinite(scans.reference_age), scans.reference_age, -np.arange(1.0, len(scans.reference_age) + 1))
    return np.char.add(np.char.add(scans.reference_subject, "@"), np.round(age, 1).astype(np.str_))


def within_subject_residuals(ldr: npt.NDArray[np.float64], subject: npt.NDArray[np.str_]) -> npt.NDArray[np.float64]:
    """Deviations of scans from their subject's mean, for subjects with two scans or more.

    Each subject's are scaled by sqrt(n / (n - 1)), n being its scans, so that their mean square estimates the
    within-subject covariance without bias.

    Parameters
    ----------
    ldr, subject
        Shapes (scans, dimensions) and (scans,).

    Returns
    -------
    numpy.ndarray
        Shape (scans of such subjects, dimensions).
    """
    _, owner = np.unique(subject, return_inverse=True)
    count = np.bincount(owner)
    repeated = count[owner] > 1
    sums = np.zeros((len(count), ldr.shape[1]))
    np.add.at(sums, owner, ldr)
    deviation = ldr - (sums / count[:, None])[owner]
    scale = np.sqrt(count / np.maximum(count - 1, 1))[owner]
    residuals: npt.NDArray[np.float64] = (deviation * scale[:, None])[repeated]
    return residuals

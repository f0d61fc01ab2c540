"""Coordinates that probes read an LDR in, all from training statistics.

A probe that sees raw values can be blinded by one inflated direction beside which the site is small; standardising
each dimension does not undo it when all dimensions share that direction; whitening does.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from benchmark.errors import UserError

Coordinates = Literal["raw", "standardised", "whitened"]
COORDINATES: tuple[Coordinates, ...] = get_args(Coordinates)

Floats = npt.NDArray[np.float64]

#: Standard deviation, relative to the dimension's largest magnitude, below which a dimension is constant: float32
#: resolves no less.
CONSTANT = 1e-7

#: Eigenvalue, relative to the largest, below which a whitened direction is dropped. This is a standard deviation of
#: 1e-5 of the largest direction's: what lies below is mostly rounding of float32, what lies above may hide a site.
EIGENVALUE_FLOOR = 1e-10

#: Reference scans per dimension below which whitening is noise to a good part: the smallest eigenvalues are then far
#: too small (lower Marchenko-Pastur edge (1 - sqrt(dimensions / scans))^2 of the truth, 0.47 at ten scans), and what
#: they divide is blown up. Of 436 real scans in 150 dimensions kNN named the site of a quarter in whitened
#: coordinates, where a linear probe named that of 0.82.
SCANS_PER_DIMENSION = 10

#: Begins the note on scores in such coordinates.
WHITENED_BY_FEW = f"whitened with fewer than {SCANS_PER_DIMENSION} scans per dimension"


def varying(reference: Floats) -> npt.NDArray[np.bool_]:
    """Mask, shape (dimensions,), of dimensions that are not constant over the reference, shape (scans, dimensions)."""
    magnitude = np.abs(reference).max(axis=0, initial=0.0)
    varies: npt.NDArray[np.bool_] = reference.std(axis=0) > CONSTANT * magnitude
    return varies


def unreadable(ldr: Floats, features: Floats) -> str:
    """Why nothing can be read from scans; empty if something can.

    Parameters
    ----------
    ldr
        LDRs of the scored scans, shape (scans, dimensions).
    features
        The same in some coordinates, as :func:`transform` gives them, shape (scans, kept dimensions).
    """
    if not features.shape[1]:
        return "the LDR is constant over the reference scans"
    # Of equal scans a classifier would learn the rounding of their coordinates, if anything.
    return "the LDR is constant over the scored scans" if len(ldr) and not varying(ldr).any() else ""


def whitening_note(reference: Floats) -> str:
    """What a reader must know of coordinates whitened by reference scans, shape (scans, dimensions); empty if nothing.

    They are flagged where there are fewer than :data:`SCANS_PER_DIMENSION` scans for each dimension that varies.
    """
    dimensions = int(varying(reference).sum())
    few = len(reference) < SCANS_PER_DIMENSION * dimensions
    return f"{WHITENED_BY_FEW} ({dimensions} dimensions)" if few else ""


def transform(ldr: Floats, reference: Floats, coordinates: Coordinates) -> Floats:
    """Express LDRs in coordinates whose statistics come from reference scans.

    Parameters
    ----------
    ldr
        Shape (scans, dimensions).
    reference
        Training scans' LDRs, shape (reference scans, dimensions).
    coordinates
        ``raw``: centred and divided by one number, the root mean variance, so that a probe's regularisation means
        the same for every method while the geometry stays. ``standardised``: each dimension centred and divided by
        its standard deviation. ``whitened``: principal components divided by the root of their eigenvalue, those
        under :data:`EIGENVALUE_FLOOR` of the largest dropped.

    Returns
    -------
    numpy.ndarray
        Shape (scans, kept dimensions); dimensions that are constant over the reference are left out, so none are
        kept of an LDR that is constant altogether.

    Raises
    ------
    UserError
        For other coordinates.
    """
    if coordinates not in COORDINATES:
        raise UserError(f"coordinates: '{coordinates}' is not allowed; allowed: {', '.join(COORDINATES)}")
    keep = varying(reference)
    centred, basis = ldr[:, keep] - reference[:, keep].mean(axis=0), reference[:, keep]
    transformed: Floats = centred
    if not keep.any():
        return transformed
    spread = basis.std(axis=0)
    if coordinates == "raw":
        transformed = centred / np.sqrt(np.mean(np.square(spread)))
    elif coordinates == "standardised":
        transformed = centred / spread
    else:
        eigenvalues, directions = np.linalg.eigh(np.cov(basis, rowvar=False, ddof=0).reshape(keep.sum(), -1))
        kept = eigenvalues > EIGENVALUE_FLOOR * eigenvalues[-1]
        transformed = centred @ directions[:, kept] / np.sqrt(eigenvalues[kept])
    return transformed

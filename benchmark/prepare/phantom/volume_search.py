"""How long to follow flows so that structures come out with wanted volumes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

#: How near, as a share, volumes come to those wanted, and how often they may be made.
TOLERANCE, TRIES = 0.01, 10
#: Range of the efforts: at the ends structures are all but gone, or many times as large.
_RANGE = (-2.5, 4.0)
#: Part of a volume that a unit of time adds to it when it grows, roughly.
_GROWTH = 0.6
#: Effort on either side of none at which responses are measured.
_TRIAL = 0.4
#: Length of a step in efforts below which volumes change too little for their slopes to be measured.
_SHORT = 0.05


def times(efforts: Vector) -> Vector:
    """Times along velocities: shrinking is exponential in time, growth, fed from within alone, linear.

    With time as this function of an effort, the logarithm of a volume is nearly linear in the effort.
    """
    return np.where(efforts > 0, np.expm1(_GROWTH * np.maximum(efforts, 0)) / _GROWTH, efforts)


def responses(made: Callable[[Vector], Vector], count: int) -> NDArray[np.float64]:
    """Change of the logarithm of each volume, first axis, for each structure's effort, second axis."""
    columns = [np.log(made(times(_TRIAL * row)) / made(times(-_TRIAL * row))) / (2 * _TRIAL) for row in np.eye(count)]
    return np.stack(columns, axis=1)


def search(made: Callable[[Vector], Vector], unchanged: Vector, wanted: Vector, slopes: NDArray[np.float64]) -> Vector:
    """Times after which volumes are those wanted, by Broyden's method (Mathematics of Computation 1965).

    Parameters
    ----------
    made
        Volumes after times, both of shape (structure,).
    unchanged
        Volumes at no time at all.
    wanted
        Volumes wanted.
    slopes
        See :func:`responses`.

    Returns
    -------
    ndarray
        The times at which volumes came nearest, shape (structure,).
    """
    first, efforts, missing = slopes, np.zeros(len(wanted)), np.log(wanted / unchanged)
    best, least = efforts, float(np.abs(missing).max())
    for _ in range(TRIES):
        if least < TOLERANCE:
            break
        after = np.clip(efforts + np.linalg.solve(slopes, missing), *_RANGE)
        step = after - efforts
        if not step.any():
            break
        still_missing = np.log(wanted / made(times(after)))
        slopes = _updated(first, slopes, step, missing - still_missing)
        efforts, missing = after, still_missing
        if np.abs(missing).max() < least:
            best, least = efforts, float(np.abs(missing).max())
    return times(best)


def _updated(
    first: NDArray[np.float64], slopes: NDArray[np.float64], step: Vector, gained: Vector
) -> NDArray[np.float64]:
    """Slopes after a step, by Broyden; the first ones again where counted volumes are too rough to tell.

    A short step says nothing, and slopes beyond 0.4 to 2.5 times the first ones would send the search astray.
    """
    length = float(np.linalg.norm(step))
    if length < _SHORT:
        return slopes
    updated: NDArray[np.float64] = slopes + np.outer(gained - slopes @ step, step) / length**2
    ratio = np.diag(updated) / np.diag(first)
    off = np.abs(updated - np.diag(np.diag(updated))).sum(axis=1)
    steady = (ratio > 0.4).all() and (ratio < 2.5).all() and (off < 0.6 * np.diag(updated)).all()
    return updated if steady else first

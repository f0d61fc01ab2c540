"""How long to follow flows so that structures come out with wanted volumes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

#: How near, as a share, volumes come to those wanted, and how often they may be made.
TOLERANCE, TRIES = 0.005, 10
#: Range of the efforts: at the ends structures are all but gone, or many times as large.
_RANGE = (-2.5, 2.2)
#: Effort on either side of none at which responses are measured.
_TRIAL = 0.4


def times(efforts: Vector) -> Vector:
    """Times along velocities: shrinking is exponential in time, growth, fed from within alone, linear.

    With time as this function of an effort, the logarithm of a volume is nearly linear in the effort.
    """
    return np.where(efforts > 0, np.expm1(np.maximum(efforts, 0)), efforts)


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
    efforts, missing = np.zeros(len(wanted)), np.log(wanted / unchanged)
    best, least = efforts, float(np.abs(missing).max())
    for _ in range(TRIES):
        if least < TOLERANCE:
            break
        after = np.clip(efforts + np.linalg.solve(slopes, missing), *_RANGE)
        step = after - efforts
        if not step.any():
            break
        still_missing = np.log(wanted / made(times(after)))
        slopes = slopes + np.outer(missing - still_missing - slopes @ step, step) / (step @ step)
        efforts, missing = after, still_missing
        if np.abs(missing).max() < least:
            best, least = efforts, float(np.abs(missing).max())
    return times(best)

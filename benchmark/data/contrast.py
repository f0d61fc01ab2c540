"""Images that can be read and show nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import UserError

#: Percentiles between which nearly all voxels are.
NEARLY_ALL = (0.1, 99.9)
#: How many times wider than the range of nearly all voxels the range of all may be.
WIDEST = 1000.0
#: Voxels that are looked at; more say no more.
_SAMPLED = 500_000


def check_contrast(path: Path, data: NDArray[Any]) -> None:
    """Refuse an image that is constant, but for a few voxels too, or holds two values as a mask does.

    Parameters
    ----------
    path
        For the message.
    data
        Finite values of any shape.

    Raises
    ------
    UserError
        It says what values there are.
    """
    low, high = float(data.min()), float(data.max())
    if low == high:
        raise UserError(f"{path}: is constant, every voxel is {low:g}")
    # An odd step, so that not every sample lies in one plane of a volume whose sizes are powers of two.
    sample = data.reshape(-1)[:: data.size // _SAMPLED | 1].astype(np.float64)
    bottom, top = (float(value) for value in np.percentile(sample, NEARLY_ALL))
    share = f"{NEARLY_ALL[1] - NEARLY_ALL[0]:g} %"
    if bottom == top:
        raise UserError(f"{path}: is constant but for a few voxels, {share} of them are {bottom:g}")
    if high - low > WIDEST * (top - bottom):
        raise UserError(
            f"{path}: holds outliers, as its values are in [{low:g}, {high:g}] and {share} of them in "
            f"[{bottom:g}, {top:g}]"
        )
    if np.isin(sample, (low, high)).all():
        raise UserError(f"{path}: holds {low:g} and {high:g} alone, as a mask does; a T1 image is needed")

"""Order of scans by similarity or distance, in which equal ones stay as they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def most_similar_first(similarity: Floats) -> npt.NDArray[np.int32]:
    """Positions that sort each row from the highest value to the lowest; equal values stay in their order.

    NumPy's fastest sort, and its stable one, which takes many times as long, for rows with equal values alone.

    Parameters
    ----------
    similarity
        Shape (queries, scans), finite.

    Returns
    -------
    numpy.ndarray
        Shape (queries, scans).
    """
    order = np.argsort(-similarity, axis=1)
    ranked = np.take_along_axis(similarity, order, axis=1)
    tied = (ranked[:, 1:] == ranked[:, :-1]).any(axis=1)
    order[tied] = np.argsort(-similarity[tied], axis=1, kind="stable")
    return order.astype(np.int32)


def smallest(values: Floats, count: int) -> npt.NDArray[np.int64]:
    """Positions of the smallest values of each row, the smallest first; equal values stay in their order.

    Parameters
    ----------
    values
        Shape (queries, scans); infinite for a scan that does not count.
    count
        How many.

    Returns
    -------
    numpy.ndarray
        Shape (queries, count); -1 where there are fewer.
    """
    found, width = np.full((len(values), count), -1), min(count, values.shape[1])
    if width:
        # Selection leaves open which of several values equal to the largest chosen one come in; rows with such a tie
        # are sorted whole, so that the first scans do.
        chosen = values <= np.partition(values, width - 1, axis=1)[:, width - 1 : width]
        tied = chosen.sum(axis=1) > width
        found[tied, :width] = np.argsort(values[tied], axis=1, kind="stable")[:, :width]
        clear = np.nonzero(chosen[~tied])[1].reshape(-1, width)
        order = np.argsort(np.take_along_axis(values[~tied], clear, axis=1), axis=1, kind="stable")
        found[~tied, :width] = np.take_along_axis(clear, order, axis=1)
        counts = np.isfinite(np.take_along_axis(values, found[:, :width], axis=1))
        found[:, :width] = np.where(counts, found[:, :width], -1)
    return found

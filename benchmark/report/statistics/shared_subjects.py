"""Seeds that share test subjects: what their values have in common, which no number of seeds averages out.

On real data every seed divides the same people anew, or trains anew for the same test subjects. With the value of a
seed s being

    x_s = mu + T_s + U_s

where T_s comes from its training and U_s from its test subjects, w = var(U_s), and f the share of test subjects that
two seeds have in common, cov(U_s, U_t) = f w. So the mean of S seeds has the variance

    var(mean) = s^2 / S + f w

with s the standard deviation over seeds. Its square expects var(T_s) + (1 - f) w, and sees nothing of what all seeds
share. w is the variance over resampled subjects. Where a score is not resampled, s^2 f / (1 - f) stands in for f w, as
in the corrected resampled t-test of Nadeau and Bengio (Inference for the generalization error, Machine Learning 52,
2003), where f is the share of the data that is tested on.

What the training subjects of two seeds have in common is not covered: trainings on other people may differ by more.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def share_in_common(subjects: Sequence[Collection[Any]]) -> float:
    """Mean over pairs of seeds of the number of test subjects that both have, over the mean of their numbers.

    Parameters
    ----------
    subjects
        Test subjects of each seed, known by what tells people of different data sets apart.

    Returns
    -------
    float
        f, in [0, 1]; 0 for fewer than two seeds.
    """
    sets = [set(each) for each in subjects]
    shares = [2 * len(a & b) / (len(a) + len(b)) for a, b in combinations(sets, 2) if a or b]
    return float(np.mean(shares)) if shares else 0.0


def shares_in_common(tested: Mapping[str, Mapping[int, Collection[Any]]]) -> dict[str, float]:
    """:func:`share_in_common` of every protocol whose seeds share subjects, from the test subjects of its seeds."""
    shares = {protocol: share_in_common(list(of_seeds.values())) for protocol, of_seeds in tested.items()}
    return {protocol: share for protocol, share in shares.items() if share}


def subject_variance(replicates: Sequence[Floats]) -> float:
    """Mean over seeds of the variance over resampled subjects, w; 0 where none were resampled."""
    variances = [each[np.isfinite(each)].var(ddof=1) if np.isfinite(each).sum() > 1 else 0.0 for each in replicates]
    return float(np.mean(variances))


def variance_in_common(values: Floats, replicates: Sequence[Floats], shared: float) -> float:
    """Variance that a mean over seeds has because they share subjects, f w.

    Parameters
    ----------
    values
        Value of every seed, shape (seeds,).
    replicates
        Values on resamples of the subjects, one array of shape (resamples,) per seed; NaN or empty where not resampled.
    shared
        f.

    Returns
    -------
    float
        0 where nothing is shared; NaN where all subjects are and none were resampled, so that nothing tells it.
    """
    if shared == 0:
        return 0.0
    if any(np.isfinite(each).sum() > 1 for each in replicates):
        return shared * subject_variance(replicates)
    return shared / (1 - shared) * float(values.var(ddof=1)) if shared < 1 else math.nan


def inflation(seeds: int, shared: float) -> float:
    """Factor on a standard error over seeds that takes them as independent, from the seeds' values alone.

    Parameters
    ----------
    seeds
        S.
    shared
        f.

    Returns
    -------
    float
        sqrt(1 + S f / (1 - f)), after Nadeau and Bengio; 1 where nothing is shared, NaN where all subjects are.
    """
    return math.sqrt(1 + seeds * shared / (1 - shared)) if shared < 1 else math.nan

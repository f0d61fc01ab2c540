"""Out-of-fold ridge regression from LDRs: how well a number can be read from them linearly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import RidgeCV

from benchmark.metrics.feature_scaling import transform, unreadable
from benchmark.metrics.folds import subject_folds
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.scans import Scans

Floats = npt.NDArray[np.float64]

#: Penalties to choose from, by leave-one-out error within the training part.
PENALTIES = tuple(float(10**exponent) for exponent in range(-2, 5))


def predicted_values(scans: Scans, target: Floats, folds: int) -> tuple[Floats, Floats, str]:
    """Out-of-fold predictions of a target by ridge regression on standardised LDRs.

    Parameters
    ----------
    scans
        The scans.
    target
        Shape (scans,), known of all of them.
    folds
        Number of folds; subjects are kept together.

    Returns
    -------
    tuple
        Predictions and the training parts' means, which know nothing of the LDR, shape (scans,) each; and why there are
        none, such as fewer than ten subjects.
    """
    features = transform(scans.ldr, scans.reference, "standardised")
    predicted, mean = np.full((2, len(scans)), np.nan)
    subjects = len(np.unique(scans.subject))
    if subjects < 10:
        return predicted, mean, f"{subjects} subjects with a known value; at least 10 are needed"
    note = "every scan has the same value" if np.ptp(target) == 0 else unreadable(scans.ldr, features)
    for train, test in () if note else subject_folds(codes_of(scans.subject), folds):
        model = RidgeCV(alphas=PENALTIES).fit(features[train], target[train])
        predicted[test] = model.predict(features[test])
        mean[test] = target[train].mean()
    return predicted, mean, note

"""Out-of-fold ridge regression from LDRs: how well a number can be read from them linearly."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import RidgeCV

from benchmark.metrics.folds import Integers, stratified_folds
from benchmark.metrics.probes import Floats

#: Penalties to choose from, by leave-one-out error within the training part.
PENALTIES = tuple(float(10**exponent) for exponent in range(-2, 5))


def predicted_values(features: Floats, target: Floats, owner: Integers, folds: int) -> tuple[Floats, Floats]:
    """Out-of-fold predictions of a target, and the training parts' means, which know nothing of the LDR.

    Parameters
    ----------
    features
        Shape (scans, dimensions), standardised.
    target
        Shape (scans,).
    owner
        Subject of each scan, as numbers from 0, shape (scans,).
    folds
        Number of folds; subjects are kept together.

    Returns
    -------
    tuple of numpy.ndarray
        Predictions and training means, shape (scans,) each.
    """
    predicted, mean = np.empty(len(target)), np.empty(len(target))
    used = min(folds, int(owner.max()) + 1)
    for train, test in stratified_folds(np.zeros(len(target), np.int64), owner, used):
        model = RidgeCV(alphas=PENALTIES).fit(features[train], target[train])
        predicted[test] = model.predict(features[test])
        mean[test] = target[train].mean()
    return predicted, mean

"""What is left of LDRs once a line in age is taken out of them, within strata."""

from __future__ import annotations

import numpy as np

from benchmark.metrics.feature_scaling import CONSTANT
from benchmark.metrics.folds import Integers, Pairs
from benchmark.metrics.probes import Floats
from benchmark.metrics.ridge import ridge_predictions


def without_age(features: Floats, age: Floats, stratum: Integers, train: Integers) -> Floats:
    """Features less their least-squares line in age, one for each stratum and dimension, fitted to training scans.

    Where the training scans of a stratum have one age, or an unknown one, their mean alone is taken out. Of a stratum
    that its line explains altogether, such as one of two training scans, and of one without training scans, nothing is
    left: zeros, not rounding.

    Parameters
    ----------
    features
        Shape (scans, dimensions).
    age, stratum
        Years, NaN where unknown, and stratum of each scan, shape (scans,); a stratum's ages are all known or all not.
    train
        Positions of the training scans, shape (training scans,).

    Returns
    -------
    numpy.ndarray
        Shape (scans, dimensions), training scans and others.
    """
    left = np.zeros_like(features)
    fitted = np.zeros(len(features), bool)
    fitted[train] = True
    for one in np.unique(stratum[train]):
        here = np.flatnonzero(stratum == one)
        seen = fitted[here]
        values, years = features[here], age[here]
        values = values - values[seen].mean(axis=0)
        if np.ptp(years[seen]) > 0:
            years = years - years[seen].mean()
            slope = years[seen] @ values[seen] / np.square(years[seen]).sum()
            values = values - years[:, None] * slope
        nothing = values[seen].std(axis=0) <= CONSTANT * np.abs(features[here]).max(axis=0)
        left[here] = np.where(nothing, 0.0, values)
    return left


def ridge_predictions_given_age(
    features: Floats, labels: Integers, pairs: Pairs, classes: int, age: Floats, stratum: Integers
) -> Integers:
    """Out-of-fold predictions of a ridge classifier, shape (labellings, scans), of :func:`without_age`.

    The line is fitted to each fold's training part. Fitted to all scans instead, it would make what is left of the
    test part lean away from what is left of the training part, and the classifier worse than chance where sites differ
    in age (Snoek, Miletić & Scholte, NeuroImage 2019).

    Parameters
    ----------
    features, labels, pairs, classes
        As for :func:`benchmark.metrics.ridge.ridge_predictions`.
    age, stratum
        As for :func:`without_age`.
    """
    predicted = np.full(labels.shape, -1)
    for train, test in pairs:
        left = without_age(features, age, stratum, train)
        predicted[:, test] = ridge_predictions(left, labels, ((train, test),), classes)[:, test]
    return predicted

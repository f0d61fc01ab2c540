"""Ridge classification in closed form, of LDRs or of what is left of them once a line in age is taken out.

One factorisation serves any number of labellings.
"""

from __future__ import annotations

import numpy as np

from benchmark.metrics.feature_scaling import CONSTANT
from benchmark.metrics.folds import Integers, Pairs
from benchmark.metrics.probes import Floats

#: Penalty, relative to the number of training scans; features are standardised.
PENALTY = 0.1

#: Entries of the one-hot labels held in memory at a time.
ENTRIES = 20_000_000


def ridge_predictions(features: Floats, labels: Integers, pairs: Pairs, classes: int) -> Integers:
    """Out-of-fold predictions of a ridge classifier for many labellings of the same scans.

    Least squares on one-hot labels divided by the size of their class, so that a large class has no advantage; the
    class of the largest output is predicted.

    Parameters
    ----------
    features
        Shape (scans, dimensions), roughly standardised.
    labels
        Shape (labellings, scans), classes as numbers in [0, classes).
    pairs
        Folds, the same for every labelling.
    classes
        Number of classes.

    Returns
    -------
    numpy.ndarray
        Shape (labellings, scans).
    """
    predicted = np.full(labels.shape, -1)
    for train, test in pairs:
        mean = features[train].mean(axis=0)
        centred = features[train] - mean
        gram = centred.T @ centred + PENALTY * len(train) * np.eye(features.shape[1])
        weights = np.linalg.solve(gram, centred.T)
        step = max(1, ENTRIES // (len(train) * classes))
        for start in range(0, len(labels), step):
            part = labels[start : start + step, train]
            onehot = (part[:, :, None] == np.arange(classes)).astype(np.float64)
            size = onehot.sum(axis=1, keepdims=True)
            onehot = np.divide(onehot, size, out=np.zeros_like(onehot), where=size > 0)
            # (dimension, train) x (labelling, train, class) -> (dimension, labelling * class)
            flat = onehot.transpose(1, 0, 2).reshape(len(train), -1)
            output = (features[test] - mean) @ (weights @ flat)
            # A class that no training scan has can only be predicted by mistake.
            output = output.reshape(len(test), len(part), classes) + np.where(size > 0, 0.0, -np.inf).transpose(1, 0, 2)
            predicted[start : start + step, test] = output.argmax(axis=2).T
    return predicted


def balanced_accuracies(labels: Integers, predicted: Integers, classes: int) -> Floats:
    """Balanced accuracy of each labelling's predictions, both of shape (labellings, scans); over present classes."""
    recalls = np.full((len(labels), classes), np.nan)
    for one in range(classes):
        here = labels == one
        count = here.sum(axis=1)
        right = (here & (predicted == one)).sum(axis=1)
        recalls[:, one] = np.divide(right, count, out=np.full(len(labels), np.nan), where=count > 0)
    values: Floats = np.nanmean(recalls, axis=1)
    return values


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
        As for :func:`ridge_predictions`.
    age, stratum
        As for :func:`without_age`.
    """
    predicted = np.full(labels.shape, -1)
    for train, test in pairs:
        left = without_age(features, age, stratum, train)
        predicted[:, test] = ridge_predictions(left, labels, ((train, test),), classes)[:, test]
    return predicted

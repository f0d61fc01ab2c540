"""Ridge classification in closed form: one factorisation serves any number of labellings."""

from __future__ import annotations

import numpy as np

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

"""Classifiers that were not part of training, cross-validated with subjects kept together."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from benchmark.metrics.folds import Integers, Labelling
from benchmark.seeds import derive_seed

Probe = Literal["linear", "knn", "mlp"]
PROBES: tuple[Probe, ...] = get_args(Probe)

Floats = npt.NDArray[np.float64]


def out_of_fold(features: Floats, labelling: Labelling, probe: Probe, neighbours: int, seed: int) -> Integers:
    """Predict every scan by a probe that never saw its subject.

    Parameters
    ----------
    features
        Shape (scans, dimensions).
    labelling
        Classes and folds.
    probe
        ``linear``: logistic regression with an L2 penalty (C = 0.1); ``knn``: majority of the nearest in Euclidean
        distance; ``mlp``: one hidden layer of 32, L-BFGS.
    neighbours
        Of ``knn``; fewer where a fold has fewer training scans.
    seed
        Of the MLP's initial weights.

    Returns
    -------
    numpy.ndarray
        Predicted classes, shape (scans,).
    """
    codes = labelling.codes
    predicted = np.full(len(codes), -1)
    for train, test in labelling.pairs:
        seen = np.unique(codes[train])
        if len(seen) == 1:
            predicted[test] = seen[0]
            continue
        classifier = _classifier(probe, min(neighbours, len(train)), seed)
        with warnings.catch_warnings():
            # Stopping at the iteration limit is part of what these probes are.
            warnings.simplefilter("ignore", ConvergenceWarning)
            predicted[test] = classifier.fit(features[train], codes[train]).predict(features[test])
    return predicted


def class_recalls(codes: Integers, predicted: Integers) -> Floats:
    """Share of each class's scans that were predicted right, shape (classes,); their mean is balanced accuracy."""
    classes = int(codes.max()) + 1
    right = np.bincount(codes[codes == predicted], minlength=classes)
    recalls: Floats = right / np.bincount(codes, minlength=classes)
    return recalls


def chance_level(features: Floats, permuted: Sequence[Labelling], probe: Probe, neighbours: int, seed: int) -> float:
    """Mean balanced accuracy over permuted labellings: what the probe gets from nothing; NaN for none."""
    accuracies = [
        class_recalls(one.codes, out_of_fold(features, one, probe, neighbours, seed)).mean() for one in permuted
    ]
    return float(np.mean(accuracies)) if accuracies else float("nan")


def _classifier(probe: Probe, neighbours: int, seed: int) -> Any:
    if probe == "linear":
        return LogisticRegression(C=0.1, tol=1e-2, max_iter=200)
    if probe == "knn":
        return KNeighborsClassifier(neighbours, algorithm="brute")
    state = derive_seed(seed, "mlp") % 2**32
    return MLPClassifier((32,), solver="lbfgs", tol=1e-3, max_iter=200, random_state=state)

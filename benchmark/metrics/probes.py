"""Classifiers that were not part of training, cross-validated with subjects kept together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from benchmark.metrics.folds import Integers, Labelling, Pairs
from benchmark.metrics.settings import Probe
from benchmark.seeds import derive_seed

Floats = npt.NDArray[np.float64]

#: Probes whose regularisation every inner fold has a say in; the others' fits cost most, and one inner fold decides.
EVERY_INNER_FOLD: tuple[Probe, ...] = ("linear", "knn")


def out_of_fold(
    features: Floats,
    labelling: Labelling,
    probe: Probe,
    neighbours: int,
    seed: int,
    values: Sequence[float] | None = None,
) -> Integers:
    """Predict every scan by a probe that never saw its subject.

    Where the labelling has inner folds, the probe's regularisation is chosen in each training part by the mean of
    balanced accuracies over its inner folds, the more regularised among equals (nested cross-validation, Varma &
    Simon, BMC Bioinformatics 2006); else it is the value in the middle. For the MLP the first inner fold alone
    decides.

    Parameters
    ----------
    features
        Shape (scans, dimensions).
    labelling
        Classes and folds.
    probe
        ``linear``: logistic regression with an L2 penalty (C 0.01, 0.1 or 1); ``knn``: majority of the nearest in
        Euclidean distance (half, once or twice ``neighbours``); ``mlp``: one hidden layer of 32, L-BFGS (L2 weight 1,
        0.1 or 0.0001); ``boosting``: gradient boosting of 20 trees per class, at most 8 leaves, over 64 bins, always
        the same.
    neighbours
        Of ``knn``; fewer where a fold has fewer training scans (:func:`fewer_neighbours`).
    seed
        Of the MLP's initial weights.
    values
        Regularisation of each fold, as :func:`chosen_values` gives it; None to choose here.

    Returns
    -------
    numpy.ndarray
        Predicted classes, shape (scans,).
    """
    codes = labelling.codes
    used = chosen_values(features, labelling, probe, neighbours, seed) if values is None else values
    predicted = np.full(len(codes), -1)
    for (train, test), value in zip(labelling.pairs, used, strict=True):
        predicted[test] = _fitted(features, codes, train, test, probe, value, seed)
    return predicted


def chosen_values(
    features: Floats, labelling: Labelling, probe: Probe, neighbours: int, seed: int
) -> tuple[float, ...]:
    """Regularisation that each training part chooses, one a fold; see :func:`out_of_fold`."""
    inner = labelling.inner or ((),) * len(labelling.pairs)
    return tuple(_chosen(features, labelling.codes, part, probe, neighbours, seed) for part in inner)


def grid(probe: Probe, neighbours: int) -> tuple[float, ...]:
    """Values of a probe's regularisation, the strongest first; the default is in the middle."""
    return {
        "linear": (0.01, 0.1, 1.0),
        "knn": (float(2 * neighbours), float(neighbours), float(max(1, neighbours // 2))),
        "mlp": (1.0, 1e-1, 1e-4),
        "boosting": (1.0,),
    }[probe]


def fewer_neighbours(labelling: Labelling, neighbours: int) -> str:
    """Say how many neighbours ``knn`` can have at most, where a training part has fewer scans than it asks for.

    Parameters
    ----------
    labelling
        Classes and folds.
    neighbours
        Those asked for; with inner folds twice as many are tried.
    """
    parts = [train for train, _ in labelling.pairs] + [fit for inner in labelling.inner for fit, _ in inner]
    smallest = min(len(part) for part in parts)
    asked = 2 * neighbours if labelling.inner else neighbours
    return f"at most {smallest} neighbours where a training part has no more scans" if smallest < asked else ""


def _chosen(features: Floats, codes: Integers, inner: Pairs, probe: Probe, neighbours: int, seed: int) -> float:
    values = grid(probe, neighbours)
    if not inner or len(values) == 1:
        return values[len(values) // 2]
    quality = [
        np.mean(
            [
                _balanced(codes[held], _fitted(features, codes, fit, held, probe, value, seed))
                for fit, held in (inner if probe in EVERY_INNER_FOLD else inner[:1])
            ]
        )
        for value in values
    ]
    return values[int(np.argmax(quality))]


def _balanced(codes: Integers, predicted: Integers) -> float:
    return float(np.mean([(predicted[codes == one] == one).mean() for one in np.unique(codes)]))


def _fitted(
    features: Floats, codes: Integers, train: Integers, test: Integers, probe: Probe, value: float, seed: int
) -> Integers:
    seen = np.unique(codes[train])
    if len(seen) == 1:
        return np.full(len(test), seen[0])
    classifier = _classifier(probe, value, len(train), seed)
    predicted: Integers = classifier.fit(features[train], codes[train]).predict(features[test])
    return predicted


def class_recalls(codes: Integers, predicted: Integers) -> Floats:
    """Share of each class's scans that were predicted right, shape (classes,); their mean is balanced accuracy."""
    classes = int(codes.max()) + 1
    right = np.bincount(codes[codes == predicted], minlength=classes)
    recalls: Floats = right / np.bincount(codes, minlength=classes)
    return recalls


def chance_level(
    features: Floats,
    permuted: Sequence[Labelling],
    probe: Probe,
    neighbours: int,
    seed: int,
    values: Sequence[float] | None = None,
) -> float:
    """Mean balanced accuracy over permuted labellings: what the probe gets from nothing; NaN for none.

    The regularisation is that chosen for the true labels, where it is given, which saves nine of ten fits.
    """
    accuracies = [
        class_recalls(one.codes, out_of_fold(features, one, probe, neighbours, seed, values)).mean() for one in permuted
    ]
    return float(np.mean(accuracies)) if accuracies else float("nan")


def _classifier(probe: Probe, value: float, scans: int, seed: int) -> Any:
    if probe == "linear":
        return LogisticRegression(C=value, tol=1e-2, max_iter=200)
    if probe == "knn":
        return KNeighborsClassifier(min(int(value), scans), algorithm="brute")
    if probe == "boosting":
        return HistGradientBoostingClassifier(
            learning_rate=0.2, max_iter=20, max_leaf_nodes=8, max_bins=64, l2_regularization=value, early_stopping=False
        )
    state = derive_seed(seed, "mlp") % 2**32
    return MLPClassifier((32,), solver="lbfgs", alpha=value, tol=1e-3, max_iter=200, random_state=state)

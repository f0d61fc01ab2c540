"""Cross-validation in which no subject is on both sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.compiled import compiled
from benchmark.seeds import generator

Integers = npt.NDArray[np.int64]

#: Training and test positions of each fold.
Pairs = tuple[tuple[Integers, Integers], ...]


@dataclass(frozen=True)
class Labelling:
    """Classes of all scans, and folds stratified by them.

    Attributes
    ----------
    codes
        Class of each scan, shape (scans,).
    pairs
        Folds; the same subjects are never in training and test of one.
    inner
        For each fold, folds of its training part, by which hyper-parameters are chosen; empty for none.
    """

    codes: Integers
    pairs: Pairs
    inner: tuple[Pairs, ...] = ()


@dataclass(frozen=True)
class Design:
    """What a probe is asked: the true classes, and permutations of them.

    Attributes
    ----------
    truth
        The true classes; None where the design allows no folds.
    permuted
        The classes permuted over scans, with folds stratified anew: folds of the true classes would leave a permuted
        class rare in training where it is common in test, and push chance too low.
    reason
        Why there is no truth; empty otherwise.
    """

    truth: Labelling | None
    permuted: tuple[Labelling, ...]
    reason: str = ""


def design(
    target: npt.NDArray[np.str_],
    subject: npt.NDArray[np.str_],
    folds: int,
    permutations: int,
    seed: int,
    inner_folds: int = 0,
) -> Design:
    """Folds for the classes of scans and for permutations of them.

    Parameters
    ----------
    target
        Class of each scan, shape (scans,).
    subject
        Subject of each scan, shape (scans,).
    folds
        Number of folds wanted; as many as the smallest class has subjects where that is fewer, and none below two.
    permutations
        Number of permutations; each depends on its index and the seed only.
    seed
        Of the permutations.
    inner_folds
        Folds of every training part of the true classes; 0 for none.
    """
    codes = np.unique(target, return_inverse=True)[1]
    used, reason = usable_folds(target, subject, folds)
    if reason:
        return Design(None, (), reason)
    owner = np.unique(subject, return_inverse=True)[1]
    permuted = [generator(seed, "permutation", index).permutation(codes) for index in range(permutations)]
    truth = labelling(codes, owner, used, inner_folds)
    return Design(truth, tuple(labelling(labels, owner, used) for labels in permuted))


def usable_folds(target: npt.NDArray[np.str_], subject: npt.NDArray[np.str_], folds: int) -> tuple[int, str]:
    """Folds of a :func:`design`, and why there are none if there are not; arguments as there."""
    classes = np.unique(target)
    if len(classes) < 2:
        return folds, f"fewer than two classes: {', '.join(classes) or 'none'}"
    subjects = {str(one): len(np.unique(subject[target == one])) for one in classes}
    smallest = min(subjects, key=lambda one: (subjects[one], one))
    if subjects[smallest] < 2:
        return folds, f"'{smallest}' has one subject, too few to cross-validate"
    return min(folds, subjects[smallest]), ""


def labelling(codes: Integers, owner: Integers, folds: int, inner_folds: int = 0) -> Labelling:
    """Classes with stratified folds, and folds of every training part.

    Parameters
    ----------
    codes, owner
        As for :func:`stratified_folds`.
    folds, inner_folds
        Numbers of folds; ``inner_folds`` 0 for none.
    """
    pairs = stratified_folds(codes, owner, folds)
    if not inner_folds:
        return Labelling(codes, pairs)
    inner = []
    for train, _ in pairs:
        seen, local = (np.unique(one[train], return_inverse=True)[1] for one in (codes, owner))
        parts = stratified_folds(seen, local, inner_folds)
        inner.append(tuple((train[fit], train[held]) for fit, held in parts if len(fit) and len(held)))
    return Labelling(codes, pairs, tuple(inner))


def stratified_folds(codes: Integers, owner: Integers, folds: int) -> Pairs:
    """Distribute groups over folds so that each fold has about the same share of every class; deterministic.

    The greedy rule of scikit-learn's ``StratifiedGroupKFold`` without shuffling, several times as fast: groups in
    the order of falling unevenness over classes, each to the fold where the class shares then differ least between
    folds, among equals to the one with the fewest scans.

    Parameters
    ----------
    codes
        Class of each scan, shape (scans,).
    owner
        Group (subject) of each scan, shape (scans,), in 0 to groups - 1.
    folds
        Number of folds wanted; as many as there are groups where that is fewer.
    """
    counts = np.zeros((owner.max() + 1, codes.max() + 1))
    np.add.at(counts, (owner, codes), 1)
    used = min(folds, len(counts))
    of_scan = _dealt(counts, np.argsort(-counts.std(axis=1), kind="stable"), used)[owner]
    return tuple((np.flatnonzero(of_scan != fold), np.flatnonzero(of_scan == fold)) for fold in range(used))


def subject_folds(owner: Integers, folds: int) -> Pairs:
    """Folds of about as many scans each; arguments as for :func:`stratified_folds`."""
    return stratified_folds(np.zeros(len(owner), np.int64), owner, folds)


@compiled
def _dealt(counts: npt.NDArray[np.float64], order: Integers, folds: int) -> Integers:
    groups, classes = counts.shape
    total = np.zeros(classes)
    for group in range(groups):
        total += counts[group]
    filled, unevenness = np.zeros((folds, classes)), np.empty(folds)
    fold_of = np.zeros(groups, np.int64)
    for group in order:
        for tried in range(folds):
            filled[tried] += counts[group]
            # Mean over classes of the standard deviation over folds of the class's share.
            unevenness[tried] = 0.0
            for one in range(classes):
                unevenness[tried] += np.std(filled[:, one] / total[one]) / classes
            filled[tried] -= counts[group]
        fold, fewest = -1, 0.0
        for tried in range(folds):
            scans = filled[tried].sum()
            if unevenness[tried] <= unevenness.min() + 1e-9 and (fold < 0 or scans < fewest):
                fold, fewest = tried, scans
        filled[fold] += counts[group]
        fold_of[group] = fold
    return fold_of

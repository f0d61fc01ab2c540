"""Permutations of sites that keep what a subject's scans have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.metrics.folds import Integers
from benchmark.metrics.scans import Scans
from benchmark.seeds import generator


def permuted_sites(site: Integers, owner: Integers, stratum: Integers, permutations: int, seed: int) -> Integers:
    """Sites dealt out anew over subjects, within strata.

    A subject whose scans are all from one site gets the site of another such subject of its stratum, for all its
    scans: shuffling single scans would treat one person's scans as independent and make p-values too small. The
    scans of a subject who was at several sites swap their sites among themselves.

    Parameters
    ----------
    site, owner, stratum
        Site, subject and stratum of each scan, shape (scans,), as numbers from 0; the stratum of a subject is that
        of its first scan.
    permutations
        How many.
    seed
        Of the permutations; each depends on its index and the seed alone.

    Returns
    -------
    numpy.ndarray
        Shape (permutations, scans).
    """
    first = np.unique(owner, return_index=True)[1]
    same = np.ones(len(first), bool)
    np.logical_and.at(same, owner, site == site[first][owner])
    groups = [np.flatnonzero(same & (stratum[first] == one)) for one in np.unique(stratum)]
    travellers = [np.flatnonzero(owner == one) for one in np.flatnonzero(~same)]
    dealt = np.empty((permutations, len(site)), np.int64)
    for index in range(permutations):
        rng = generator(seed, "sites", index)
        of_subject = site[first].copy()
        for group in groups:
            of_subject[group] = rng.permutation(of_subject[group])
        dealt[index] = of_subject[owner]
        for rows in travellers:
            dealt[index, rows] = rng.permutation(site[rows])
    return dealt


def age_and_diagnosis_strata(scans: Scans, parts: int) -> npt.NDArray[np.str_]:
    """Stratum of each scan, shape (scans,): diagnosis and part of the ages, of about equal size over all scans.

    Equal ages are in one part, that of the middle of their ranks: a cut at the median would put everybody into one
    part where more than half of the scans have the lowest age, and condition on nothing. Two ages are thus always two
    parts of two. Unknown ages are a part of their own, as are unknown diagnoses.
    """
    known = np.isfinite(scans.age)
    part = np.full(len(scans), -1)
    _, rank, count = np.unique(scans.age[known], return_inverse=True, return_counts=True)
    # Twice the middle rank of each age, so that it is a whole number.
    middle = 2 * np.cumsum(count) - count
    part[known] = (middle * parts // (2 * known.sum()))[rank] if known.any() else 0
    return np.char.add(np.char.add(scans.diagnosis, "/"), part.astype(str))

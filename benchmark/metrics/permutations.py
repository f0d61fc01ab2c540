"""Permutations of sites that keep what a subject's scans have in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.metrics.folds import Integers
from benchmark.metrics.scans import Scans
from benchmark.seeds import generator


def permuted_sites(site: Integers, owner: Integers, stratum: Integers, permutations: int, seed: int) -> Integers:
    """Sites dealt out anew over subjects, within strata.

    A subject whose scans are all from one site gets the site of another such subject of its stratum with as many
    scans, for all its scans: shuffling single scans would treat one person's scans as independent and make p-values
    too small, and where one site scans its subjects more often than another, a subject of three scans cannot have come
    from a site at which everybody has one. The sites of a subject who was at several swap their scans, all of a site
    together, with other sites that have as many of this subject. What is dealt out is thus exchangeable under the null
    hypothesis that LDRs do not depend on the site, whatever the sites' numbers of scans are.

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
    scans = np.bincount(owner)
    kinds = np.unique(np.stack([stratum[first], scans]), axis=1, return_inverse=True)[1].ravel()
    groups = [np.flatnonzero(same & (kinds == kind)) for kind in np.unique(kinds)]
    travellers = [_swaps(np.flatnonzero(owner == subject), site) for subject in np.flatnonzero(~same)]
    dealt = np.empty((permutations, len(site)), np.int64)
    for index in range(permutations):
        rng = generator(seed, "sites", index)
        of_subject = site[first].copy()
        for group in groups:
            of_subject[group] = rng.permutation(of_subject[group])
        dealt[index] = of_subject[owner]
        for alike in travellers:
            for blocks in alike:
                swapped = rng.permutation(len(blocks))
                for block, other in zip(blocks, swapped, strict=True):
                    dealt[index, block] = site[blocks[other][0]]
    return dealt


def _swaps(rows: Integers, site: Integers) -> list[list[Integers]]:
    """Scans of a travelling subject by site, those sites together that have the same number of them."""
    blocks = [rows[site[rows] == place] for place in np.unique(site[rows])]
    return [[block for block in blocks if len(block) == size] for size in sorted({len(block) for block in blocks})]


def null_strata(scans: Scans) -> tuple[Integers, dict[str, str]]:
    """Strata within which sites are exchangeable if LDRs do not depend on them, and the parameters that say so.

    All scans are one stratum, shape (scans,), but for data in which diagnoses were dealt out evenly
    (:func:`dealt_evenly`), whose strata are the diagnoses.
    """
    if dealt_evenly(scans):
        return np.unique(scans.diagnosis, return_inverse=True)[1].astype(np.int64), {"within": "diagnosis"}
    return np.zeros(len(scans), np.int64), {}


def dealt_evenly(scans: Scans) -> bool:
    """Whether every site has the same share of each diagnosis, as near as whole subjects can have it.

    Chance does not do that: such subjects were drawn for each diagnosis by itself and dealt out to the sites. Sites are
    then exchangeable within a diagnosis alone, and a permutation over all subjects, whose sites differ in diagnosis,
    would give p-values near 1 where the site is not there. Subjects at several sites do not count.
    """
    names, first = np.unique(scans.subject, return_index=True)
    _, sites = np.unique(np.stack([scans.subject, scans.site]), axis=1, return_index=True)
    once = np.bincount(np.searchsorted(names, scans.subject[sites])) == 1
    site, diagnosis = scans.site[first][once], scans.diagnosis[first][once]
    if len(np.unique(site)) < 2 or len(np.unique(diagnosis)) < 2:
        return False
    place, label = (np.unique(text, return_inverse=True)[1] for text in (site, diagnosis))
    counts = np.zeros((place.max() + 1, label.max() + 1))
    np.add.at(counts, (place, label), 1)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return bool((np.abs(counts - expected) < 1).all())


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

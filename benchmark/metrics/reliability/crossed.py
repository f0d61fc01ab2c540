"""Travelling subjects in a crossed design: every subject at every site."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from benchmark.metrics.feature_scaling import varying
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.scans import Scans
from benchmark.metrics.search import Search

#: Subjects below which a design says nothing.
FEWEST = 3


def crossed(scans: Scans) -> tuple[Scans, str]:
    """Scans of the largest crossed design: subjects who were all at the same two or more sites, at these sites.

    Of the sets of sites that anybody was at and three subjects share, it is the one with most pairs of a subject and a
    site; of equal ones, that with more subjects, and then with the first of them.

    Returns
    -------
    tuple of Scans and str
        The scans, none where there are fewer than three such subjects, and a note: why none, or who is left out.
    """
    memo = "crossed"
    if memo not in scans.memo:
        scans.memo[memo] = _crossed(scans)
    kept: tuple[Scans, str] = scans.memo[memo]
    return kept


def _crossed(scans: Scans) -> tuple[Scans, str]:
    subject, site = codes_of(scans.subject), codes_of(scans.site)
    was_at = np.zeros((subject.max(initial=-1) + 1, site.max(initial=-1) + 1), bool)
    was_at[subject, site] = True
    travelled = was_at.sum(axis=1) > 1
    if not travelled.any():
        return scans.where(np.zeros(len(scans), bool)), "no subject has scored scans at two sites"
    sets, first = np.unique(was_at[travelled], axis=0, return_index=True)
    fits = was_at.astype(np.int64) @ sets.T.astype(np.int64) == sets.sum(axis=1)
    subjects = fits.sum(axis=0)
    best = np.lexsort((first, -subjects, -subjects * sets.sum(axis=1), subjects < FEWEST))[0]
    sites, left_out = int(sets[best].sum()), int(travelled.sum() - subjects[best])
    if subjects[best] < FEWEST:
        note = f"subjects with scored scans at the same {sites} sites: {subjects[best]}; at least {FEWEST} are needed"
        return scans.where(np.zeros(len(scans), bool)), note
    part = scans.where(fits[subject, best] & sets[best][site])
    note = f"{left_out} of {travelled.sum()} travelling subjects left out, who were not at all of {sites} sites"
    return part, note if left_out else ""


def readable(part: Scans, note: str) -> tuple[npt.NDArray[np.bool_], str]:
    """Dimensions that vary over scans, shape (dimensions,), and why nothing can be read from any; empty if it can."""
    if not len(part):
        return np.zeros(part.ldr.shape[1], bool), note
    varies = varying(part.ldr)
    return varies, "" if varies.any() else "the LDR is constant over the scored scans"


def crossed_search(search: Search) -> tuple[Search, str]:
    """A search in which the scans of :func:`crossed` alone query and are found, and that function's note."""
    part, note = crossed(search.scans)
    return replace(search, scans=part, may_query=np.ones(len(part), bool)), note

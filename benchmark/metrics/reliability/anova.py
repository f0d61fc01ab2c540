"""Components of variance by the method of moments, on all subjects and without each of them.

Mean squares are set equal to their expectations (Searle, Casella & McCulloch, Variance components, 1992). Estimates are
unbiased, and so may be negative; what is made of that is left to who uses them. Without a subject, all sums are those
of deviations from the means of the others, which those from all means give.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmark.metrics.galleries import codes_of
from benchmark.metrics.scans import Scans

Floats = npt.NDArray[np.float64]


class Components(NamedTuple):
    """Components of the variance of a single scan, each of shape (1 + subjects, dimensions).

    The first row is of all subjects, the others without each of them in the alphabet's order.

    Attributes
    ----------
    subject, site
        Of a subject's mean over sites, and of a site's mean over subjects.
    session
        Of a scan around the mean of its subject's scans at its site; NaN without repeats.
    residual
        All that is left: the interaction of subject and site, and without repeats what they would show as well.
    """

    subject: Floats
    site: Floats
    session: Floats
    residual: Floats

    @property
    def within(self) -> Floats:
        """What tells single scans of a subject apart, beside the site."""
        both: Floats = self.residual + np.nan_to_num(self.session)
        return both


def crossed_components(scans: Scans) -> Components:
    """Components of a crossed design, in which a subject may have several scans at a site.

    From the analysis of the cells' means (unweighted means, Searle et al. 1992, section 5): with N subjects, k sites,
    h the mean of 1 / scans over cells, and MS the mean squares, residual = MS_interaction - h session, subject =
    (MS_subject - MS_interaction) / k and site = (MS_site - MS_interaction) / N. Without repeats this is the two-way
    analysis of variance without replication.
    """
    subject, site = codes_of(scans.subject), codes_of(scans.site)
    subjects, sites = int(subject.max()) + 1, int(site.max()) + 1
    cell = subject * sites + site
    count = np.bincount(cell)
    sums = np.zeros((len(count), scans.ldr.shape[1]))
    np.add.at(sums, cell, scans.ldr - scans.ldr.mean(axis=0))
    means = sums / count[:, None]
    apart = scans.ldr - scans.ldr.mean(axis=0) - means[cell]
    squares = _left_out(subject, np.square(apart), subjects)
    freedom = _left_out(subject, np.ones((len(subject), 1)), subjects) - sites * _numbers(subjects)
    with np.errstate(divide="ignore", invalid="ignore"):
        session = np.where(freedom > 0, squares / freedom, np.nan)
    share = _left_out(np.repeat(np.arange(subjects), sites), 1 / count[:, None], subjects) / (
        sites * _numbers(subjects)
    )

    values = means.reshape(subjects, sites, -1)
    own = values.mean(axis=1)
    around = values - own[:, None]
    profile = around.mean(axis=0)
    between = sites * _deviations(np.square(own - own.mean(axis=0)), subjects)
    mixed = _deviations(np.square(around - profile).sum(axis=1), subjects)
    profiles = np.concatenate([profile[None], (subjects * profile - around) / (subjects - 1)])
    number = _numbers(subjects)
    ms_subject, ms_site = between / (number - 1), number * np.square(profiles).sum(axis=1) / (sites - 1)
    ms_mixed = mixed / ((number - 1) * (sites - 1))
    residual = ms_mixed - share * np.nan_to_num(session)
    return Components((ms_subject - ms_mixed) / sites, (ms_site - ms_mixed) / number, session, residual)


def nested_components(scans: Scans) -> tuple[Floats, Floats]:
    """Components between and within subjects at one site, where each has several scans there.

    One-way analysis of variance, subjects for groups, within each site; sums of squares and degrees of freedom are
    added up over sites, so that what sites differ in is in neither component.

    Returns
    -------
    tuple of numpy.ndarray
        Between and within, of the shapes of :class:`Components`; NaN where no site has two subjects.
    """
    (subject, site), cell, scans_of_cell = np.unique(
        np.stack([codes_of(scans.subject), codes_of(scans.site)]), axis=1, return_inverse=True, return_counts=True
    )
    subjects, count = int(subject.max()) + 1, scans_of_cell[:, None].astype(np.float64)
    ldr = scans.ldr - scans.ldr.mean(axis=0)
    sums = np.zeros((len(count), ldr.shape[1]))
    np.add.at(sums, cell, ldr)
    # Of each site: sum of its scans, how many there are, sum of the squares of how many each subject has, subjects.
    totals = np.zeros((int(site.max()) + 1, ldr.shape[1] + 3))
    np.add.at(totals, site, np.hstack([sums, count, np.square(count), np.ones_like(count)]))
    total, number, squared, people = np.split(totals, [-3, -2, -1], axis=1)
    distance = np.square(sums / count - (total / number)[site])
    around = np.zeros_like(total)
    np.add.at(around, site, count * distance)

    def summed(of_site: Floats, without: Floats) -> Floats:
        """A sum over sites, on all subjects and without each, from what a site has and has without a cell."""
        change = np.zeros((subjects, of_site.shape[1]))
        np.add.at(change, subject, np.where(people[site] > 1, without, 0.0) - of_site[site])
        whole = of_site.sum(axis=0)
        return np.concatenate([whole[None], whole + change])

    left = np.maximum(number[site] - count, 1.0)
    # Without a cell of n of a site's m scans, d from their mean, its sum of squares is less by n m d² / (m - n).
    between = summed(around, around[site] - count * number[site] / left * distance)
    freedom = summed(people - 1, people[site] - 2)
    scale = summed(number - squared / number, left - (squared[site] - np.square(count)) / left)
    within = _left_out(subject[cell], np.square(ldr - (sums / count)[cell]), subjects)
    repeats = _left_out(subject, count - 1, subjects)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = within / repeats
        spread = np.where(freedom > 0, (between - freedom * inside) / scale, np.nan)
    return spread, inside


def _numbers(subjects: int) -> Floats:
    """How many subjects there are: all, and all but one, shape (1 + subjects, 1)."""
    return np.array([subjects, *[subjects - 1] * subjects], dtype=np.float64)[:, None]


def _left_out(subject: npt.NDArray[np.int64], values: Floats, subjects: int) -> Floats:
    """Sums of values, on all subjects and without each, shape (1 + subjects, columns)."""
    of_subject = np.zeros((subjects, values.shape[1]))
    np.add.at(of_subject, subject, values)
    total = of_subject.sum(axis=0)
    return np.concatenate([total[None], total - of_subject])


def _deviations(squares: Floats, subjects: int) -> Floats:
    """Sums of squared deviations from the mean of the subjects who are there, from those from the mean of all."""
    total = squares.sum(axis=0)
    return np.concatenate([total[None], total - subjects / (subjects - 1) * squares])

"""Intraclass correlation: how much of the variance of single scans is between people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import Options, scans_of
from benchmark.metrics.bootstrap import Strata, bounded_interval, replicates_of
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.reliability.anova import Floats, crossed_components, nested_components
from benchmark.metrics.reliability.crossed import FEWEST, crossed, readable
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

AGREEMENT = Metric("reliability", "icc_between_sites", version=1, higher_is_better=True, lowest=-math.inf)
CONSISTENCY = Metric("reliability", "icc_consistency", version=1, higher_is_better=True, lowest=-math.inf)
WITHIN = Metric("reliability", "icc_within_site", version=1, higher_is_better=True, lowest=-math.inf)


@reproducible()
def between_site_icc(
    ldr: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    subject: npt.ArrayLike,
    consistency: bool = False,
    **options: Unpack[Options],
) -> Estimate:
    """Intraclass correlation of single scans of one person at different sites, median over the LDR's dimensions.

    ICC(2,1), absolute agreement, two-way random effects (Shrout & Fleiss, Psychological Bulletin 1979; ICC(A,1) of
    McGraw & Wong, Psychological Methods 1996): σ²_subject / (σ²_subject + σ²_site + σ²_residual) of each dimension of
    LDRs of shape (scans, dimensions), from the mean squares of the subjects who were at all of the same sites
    (:func:`benchmark.metrics.reliability.crossed.crossed`). At most 1, higher is better; 0, which is chance, where a
    subject's scans are no more alike than two people's. It may be below, as components are estimated without bias.
    Where a subject has several scans at a site, σ²_residual is that of a single one. The interval is over resamples of
    these subjects (:mod:`benchmark.metrics.bootstrap`), with the sites as they are. A dimension's scale and origin do
    not matter; the axes of the LDR do.

    Parameters
    ----------
    consistency
        Whether to leave σ²_site out: ICC(3,1), or ICC(C,1), for which sites may differ by a constant.

    Returns
    -------
    Estimate
        n in subjects; parts are the dimensions, ``z0`` and so on. NaN with a note for fewer than three such subjects,
        or a constant LDR.
    """
    return _between(*scans_of(ldr, site=site, subject=subject, **options))[consistency]


@reproducible()
def within_site_icc(
    ldr: npt.ArrayLike, *, site: npt.ArrayLike, subject: npt.ArrayLike, **options: Unpack[Options]
) -> Estimate:
    """Intraclass correlation of repeat scans of one person at one site, median over the LDR's dimensions.

    ICC(1,1), one-way random effects (Shrout & Fleiss, Psychological Bulletin 1979): σ²_subject / (σ²_subject +
    σ²_repeat), from all subjects with two scans or more at a site, around the means of their sites; several sites are
    pooled. At most 1, higher is better, 0 is chance; interval and invariances as for :func:`between_site_icc`. What
    changes between the visits of a person, such as age, counts against the LDR.

    Returns
    -------
    Estimate
        n in subjects; NaN with a note for fewer than three, or a constant LDR.
    """
    return _within(*scans_of(ldr, site=site, subject=subject, **options))


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`between_site_icc`, agreement and consistency, and of :func:`within_site_icc`."""
    every = zip((AGREEMENT, CONSISTENCY, WITHIN), (*_between(scans, settings), _within(scans, settings)), strict=True)
    # A dimension's ICC is the same once it is standardised.
    return [estimate.score(metric, {"coordinates": "standardised"}) for metric, estimate in every]


def _between(scans: Scans, settings: EvaluationSettings) -> tuple[Estimate, Estimate]:
    part, note = crossed(scans)
    varies, reason = readable(part, note)
    if reason:
        undefined = Estimate(math.nan, len(np.unique(part.subject)), note=reason)
        return undefined, undefined
    found = crossed_components(part)
    error = found.within, found.site + found.within
    consistency, agreement = (_icc(found.subject, other, varies, part, settings, note) for other in error)
    return agreement, consistency


def _within(scans: Scans, settings: EvaluationSettings) -> Estimate:
    cell = codes_of(np.char.add(np.char.add(scans.site, "/"), scans.subject))
    part = scans.where(np.bincount(cell)[cell] > 1)
    subjects = len(np.unique(part.subject))
    few = f"subjects with two scored scans at one site: {subjects}; at least {FEWEST} are needed"
    varies, reason = readable(part, few)
    if reason or subjects < FEWEST:
        return Estimate(math.nan, subjects, note=few if subjects < FEWEST else reason)
    between, inside = nested_components(part)
    if not np.isfinite(between[0]).any():
        return Estimate(math.nan, subjects, note="no site has two subjects with two scored scans there")
    return _icc(between, inside, varies, part, settings)


def _icc(
    between: Floats,
    error: Floats,
    varies: npt.NDArray[np.bool_],
    part: Scans,
    settings: EvaluationSettings,
    note: str = "",
) -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        icc = between / (between + error)
    icc = icc[:, varies]
    strata, names = Strata.of(part.subject, part.site), np.flatnonzero(varies)
    # The median is taken of each replicate, as leaving subjects out says little of a median.
    replicates = np.median(replicates_of(icc[0], icc[1:], strata, settings.bootstrap, settings.seed), axis=1)
    return Estimate(
        float(np.median(icc[0])),
        strata.subjects,
        0.0,
        *bounded_interval(replicates, -math.inf),
        note=note,
        parts={f"z{name}": Estimate(float(one), strata.subjects) for name, one in zip(names, icc[0], strict=True)},
        replicates=replicates,
    )

"""What the variance of travelling subjects' scans is made of: people, sites, sessions, and what is left."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Unpack, get_args

import numpy as np
import numpy.typing as npt

from benchmark.errors import UserError
from benchmark.metrics.arrays import Options, scans_of
from benchmark.metrics.bootstrap import Strata, bounded_interval, replicates_of
from benchmark.metrics.reliability.anova import crossed_components
from benchmark.metrics.reliability.crossed import crossed, readable
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

#: Summed over raw dimensions, or the median over dimensions, whose scale then does not matter.
Over = Literal["raw", "standardised"]

METRICS = {
    name: Metric("reliability", f"{name}_share", version=1, higher_is_better=name == "subject")
    for name in ("subject", "site", "session", "residual")
}


@reproducible()
def variance_components(
    ldr: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    subject: npt.ArrayLike,
    coordinates: Over = "raw",
    **options: Unpack[Options],
) -> dict[str, Estimate]:
    """Shares of subject, site, session and residual in the variance of single scans.

    By the method of moments (Searle, Casella & McCulloch, Variance components, 1992), from the mean squares of LDRs of
    shape (scans, dimensions) of the subjects who were at all of the same sites
    (:func:`benchmark.metrics.reliability.anova.crossed_components`). Negative components count as 0. Each share is in
    [0, 1], higher is better for the subject, lower for the others. ``session`` is what repeat scans of a subject at one
    site differ in; where there are none it is in ``residual``, the interaction of subject and site. The interval is
    over resamples of these subjects (:mod:`benchmark.metrics.bootstrap`), with the sites as they are.

    Parameters
    ----------
    coordinates
        ``raw``, the headline: components are summed over dimensions before shares are taken, so that shares add up to
        1, a dimension weighs by its variance, as in a Euclidean distance, and the axes of the LDR do not matter;
        ``standardised``: the median over dimensions of each one's shares, in which its scale does not matter.

    Returns
    -------
    dict of str to Estimate
        By component; n in subjects. NaN with a note for fewer than three such subjects, or a constant LDR; the session
        alone where nobody has two scans at one site.
    """
    if coordinates not in get_args(Over):
        raise UserError(f"coordinates: '{coordinates}' is not allowed; allowed: {', '.join(get_args(Over))}")
    return _components(*scans_of(ldr, site=site, subject=subject, **options), coordinates)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`variance_components`, summed over dimensions and their median."""
    return [
        estimate.score(METRICS[name], {"coordinates": coordinates})
        for coordinates in get_args(Over)
        for name, estimate in _components(scans, settings, coordinates).items()
    ]


def _components(scans: Scans, settings: EvaluationSettings, coordinates: Over) -> dict[str, Estimate]:
    part, note = crossed(scans)
    varies, reason = readable(part, note)
    if reason:
        undefined = Estimate(math.nan, len(np.unique(part.subject)), note=reason)
        return dict.fromkeys(METRICS, undefined)
    found = crossed_components(part)
    every = np.stack([np.nan_to_num(one[:, varies]) for one in found])
    if coordinates == "raw":
        every = every.sum(axis=2, keepdims=True)
    every = np.maximum(every, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = every / every.sum(axis=0)
    strata = Strata.of(part.subject, part.site)
    # Shape (components, resamples, dimensions).
    drawn = np.stack([replicates_of(one[0], one[1:], strata, settings.bootstrap, settings.seed) for one in shares])
    value, replicates = np.median(shares[:, 0], axis=1), np.median(drawn, axis=2)
    estimates = {
        name: Estimate(float(share), strata.subjects, math.nan, *bounded_interval(each), note=note, replicates=each)
        for name, share, each in zip(METRICS, value, replicates, strict=True)
    }
    if not np.isfinite(found.session[0]).any():
        none = "no travelling subject has two scored scans at one site; what they would show is in the residual"
        estimates["session"] = Estimate(math.nan, strata.subjects, note=none)
    return estimates

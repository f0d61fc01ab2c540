"""Means over sites and their intervals over resampled subjects."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from benchmark.seeds import generator

Floats = npt.NDArray[np.float64]

#: Share of resamples that may be undefined (a site without any subject drawn) before there is no interval.
UNDEFINED_SHARE = 0.05


def mean_of_site_means(value: Floats, site: npt.NDArray[np.str_]) -> float:
    """Mean over sites of the mean of each site's defined values; NaN if a site has none.

    Parameters
    ----------
    value
        Per query, shape (queries,); NaN where undefined.
    site
        Shape (queries,).
    """
    means = []
    for one in np.unique(site):
        here = value[(site == one) & np.isfinite(value)]
        means.append(float(here.mean()) if len(here) else math.nan)
    return float(np.mean(means)) if means else math.nan


def subject_interval(
    value: Floats,
    subject: npt.NDArray[np.str_],
    site: npt.NDArray[np.str_],
    resamples: int,
    seed: int,
) -> tuple[float, float]:
    """95 % percentile interval of :func:`mean_of_site_means` over resamples of subjects with replacement.

    Parameters
    ----------
    value, subject, site
        Per query, shape (queries,). All scans of a subject are drawn together, at all its sites.
    resamples
        Number of resamples.
    seed
        Of the draws, which are the same for every metric and method with the same subjects.

    Returns
    -------
    tuple of float
        Lower and upper end; NaN if there are fewer than two subjects or resamples, or the mean is undefined.
    """
    return interval(subject_replicates(value[:, None], subject, site, resamples, seed)[:, 0])


def subject_replicates(
    values: Floats,
    subject: npt.NDArray[np.str_],
    site: npt.NDArray[np.str_],
    resamples: int,
    seed: int,
) -> Floats:
    """:func:`mean_of_site_means` of several scores on resamples of subjects with replacement.

    Parameters
    ----------
    values
        Per query and score, shape (queries, scores); NaN where undefined.
    subject, site
        Shape (queries,). All scans of a subject are drawn together, at all its sites.
    resamples, seed
        As for :func:`subject_interval`.

    Returns
    -------
    numpy.ndarray
        Shape (resamples, scores); NaN where a resample leaves a site without a defined value, and throughout for a
        score that is undefined on the whole data or if there are fewer than two subjects; no rows for fewer than two
        resamples.
    """
    names, owner = np.unique(subject, return_inverse=True)
    if resamples < 2 or len(names) < 2:
        return np.full((resamples if resamples >= 2 else 0, values.shape[1]), math.nan)
    draws = generator(seed, "bootstrap").multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    defined = np.isfinite(values)
    known = np.where(defined, values, 0.0)
    replicates = np.zeros((resamples, values.shape[1]))
    sites, place = np.unique(site, return_inverse=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        for one in range(len(sites)):
            here = np.flatnonzero(place == one)
            weight = draws[:, owner[here]].astype(np.float64)
            replicates += (weight @ known[here]) / (weight @ defined[here].astype(np.float64))
    return replicates / len(sites)


def interval(replicates: Floats) -> tuple[float, float]:
    """95 % percentile interval of one score's replicates, shape (resamples,); NaN where too many are undefined."""
    defined = replicates[np.isfinite(replicates)]
    if len(defined) == 0 or len(defined) < (1 - UNDEFINED_SHARE) * len(replicates):
        return math.nan, math.nan
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)

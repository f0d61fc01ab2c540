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
    defined = np.isfinite(value)
    names, owner = np.unique(subject, return_inverse=True)
    if resamples < 2 or len(names) < 2 or not math.isfinite(mean_of_site_means(value, site)):
        return math.nan, math.nan
    draws = generator(seed, "bootstrap").multinomial(len(names), np.full(len(names), 1 / len(names)), resamples)
    weight = draws[:, owner] * defined
    total = np.zeros(resamples)
    sites = np.unique(site)
    with np.errstate(divide="ignore", invalid="ignore"):
        for one in sites:
            here = (site == one) & defined
            total += weight[:, here] @ value[here] / weight[:, here].sum(axis=1)
    means = total / len(sites)
    means = means[np.isfinite(means)]
    if len(means) < (1 - UNDEFINED_SHARE) * resamples:
        return math.nan, math.nan
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)

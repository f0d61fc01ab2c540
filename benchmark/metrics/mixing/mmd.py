"""Maximum mean discrepancy: a two-sample test of each site against the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist, squareform

from benchmark.metrics.arrays import CoordinateOptions, by_coordinates
from benchmark.metrics.folds import Integers
from benchmark.metrics.mixing.neighbours import Mixing
from benchmark.metrics.permutations import null_strata, permuted_sites
from benchmark.metrics.probes import Floats
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

MMD2 = Metric("leakage", "mmd2", version=2, higher_is_better=False, lowest=-1.0, highest=2.0)
P_VALUE = Metric("leakage", "mmd_p_value", version=2, higher_is_better=True)


@reproducible()
def mmd(
    ldr: npt.ArrayLike,
    site: npt.ArrayLike,
    *,
    diagnosis: npt.ArrayLike | None = None,
    permutations: int = 199,
    **options: Unpack[CoordinateOptions],
) -> Estimate:
    """Mean over sites of the unbiased squared MMD between a site and all others, and its permutation p-value.

    Gretton et al., JMLR 2012, equation 3, which allows groups of unequal size: the mean kernel within the site, plus
    that within the others, minus twice that between, without pairs of a scan with itself; Gaussian kernel exp(-d² / (2
    h²)) with h the median distance, of LDRs of shape (scans, dimensions). In [-1, 2], and for groups of m and n scans
    not below -(1/m + 1/n); about 0 without a difference, lower is better. Sites are permuted over subjects, within the
    diagnoses where these were dealt out evenly (:func:`benchmark.metrics.permutations.null_strata`); p = (1 + b) / (1 +
    B) for b of B permutations that are at least as large.

    Parameters
    ----------
    permutations
        Of the sites, for chance and p; 0 for none.

    Returns
    -------
    Estimate
        n in scans; NaN with a note for one site, a site with one scan, or an LDR of which most scans are equal; p is
        NaN without permutations.
    """
    mixing = Mixing.of(ldr, site, diagnosis, test_permutations=permutations, **options)
    scans = mixing.scans
    kernel = None if mixing.reason else gaussian_kernel(mixing.features)
    if kernel is None:
        return Estimate(math.nan, len(scans), note=mixing.reason or "the median distance between scans is 0")
    stratum, settings = null_strata(scans)[0], mixing.settings
    dealt = permuted_sites(mixing.site, mixing.owner, stratum, settings.test_permutations, settings.seed)
    value, *permuted = (mean_mmd2(kernel, one) for one in (mixing.site, *dealt))
    # A site that permutation leaves with one scan has no value within it.
    fair = np.array([one for one in permuted if math.isfinite(one)])
    if not len(fair):
        return Estimate(value, len(scans))
    p = (1 + int((fair >= value - 1e-12).sum())) / (1 + len(fair))
    return Estimate(value, len(scans), chance=float(fair.mean()), p=p)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`mmd` and of its p-value, two a kind of coordinates."""
    found = []
    for part, options, params in by_coordinates(scans, settings):
        permutations = settings.test_permutations
        result = mmd(part.ldr, part.site, diagnosis=part.diagnosis, permutations=permutations, **options)
        told = {**params, "kernel": "gaussian", "permutations": str(permutations), **null_strata(part)[1]}
        missing = "no permutations were asked for" if math.isnan(result.p) else ""
        p = Estimate(result.p, result.n, note=result.note or missing)
        found += [result.score(MMD2, told), p.score(P_VALUE, told)]
    return found


def gaussian_kernel(features: Floats) -> Floats | None:
    """Gaussian kernel matrix (scans, scans) at the median distance; None if that is 0."""
    distance = pdist(features)
    width = float(np.median(distance))
    if width == 0:
        return None
    kernel: Floats = np.exp(-np.square(squareform(distance)) / (2 * width**2))
    return kernel


def mean_mmd2(kernel: Floats, site: Integers) -> float:
    """Mean over sites of the unbiased squared MMD between a site and all others; NaN for a site with one scan.

    Parameters
    ----------
    kernel
        Shape (scans, scans), ones on the diagonal.
    site
        Shape (scans,), numbers from 0.
    """
    onehot = (site[:, None] == np.arange(int(site.max()) + 1)).astype(np.float64)
    to_site = kernel @ onehot
    sums = onehot.T @ to_site
    own = onehot.sum(axis=0)
    rest = len(site) - own
    within = np.diag(sums)
    between = sums.sum(axis=1) - within
    others = sums.sum() - within - 2 * between
    with np.errstate(divide="ignore", invalid="ignore"):
        values = (within - own) / (own * (own - 1)) + (others - rest) / (rest * (rest - 1)) - 2 * between / (own * rest)
    return float(values.mean()) if np.isfinite(values).all() else math.nan

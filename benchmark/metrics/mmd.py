"""Maximum mean discrepancy: a two-sample test of each site against the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import pdist, squareform

from benchmark.metrics.folds import Integers
from benchmark.metrics.neighbours import mixings
from benchmark.metrics.permutations import null_strata, permuted_sites
from benchmark.metrics.probes import Floats
from benchmark.metrics.rows import Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

MMD2 = Metric("leakage", "mmd2", version=2, higher_is_better=False, lowest=-1.0, highest=2.0)
P_VALUE = Metric("leakage", "mmd_p_value", version=2, higher_is_better=True)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Mean over sites of the unbiased squared MMD between a site and all others, and its permutation p-value.

    Gretton et al., JMLR 2012, equation 3, which allows groups of unequal size: the mean kernel within the site, plus
    that within the others, minus twice that between, without pairs of a scan with itself; Gaussian kernel exp(-d² / (2
    h²)) with h the median distance, of LDRs of shape (scans, dimensions). In [-1, 2], and for groups of m and n scans
    not below -(1/m + 1/n); about 0 without a difference, lower is better. Sites are permuted over subjects, within the
    diagnoses where these were dealt out evenly (:func:`benchmark.metrics.permutations.null_strata`); p = (1 + b) / (1 +
    B) for b of B permutations that are at least as large.

    Returns
    -------
    list of Score
        Two a kind of coordinates; n in scans; NaN with a reason for one site, a site with one scan, or an LDR of which
        most scans are equal; p is NaN without permutations.
    """
    found = []
    for mixing in mixings(scans, settings):
        stratum, within = null_strata(mixing.part)
        params = mixing.text(kernel="gaussian", permutations=settings.test_permutations, **within)
        kernel = None if mixing.reason else gaussian_kernel(mixing.features)
        reason = mixing.reason or ("" if kernel is not None else "the median distance between scans is 0")
        if kernel is None:
            found += [Score(one, params, math.nan, len(mixing.part), reason=reason) for one in (MMD2, P_VALUE)]
            continue
        dealt = permuted_sites(mixing.site, mixing.owner, stratum, settings.test_permutations, settings.seed)
        value, *permuted = (mean_mmd2(kernel, site) for site in (mixing.site, *dealt))
        # A site that permutation leaves with one scan has no value within it.
        fair = np.array([one for one in permuted if math.isfinite(one)])
        p = (1 + int((fair >= value - 1e-12).sum())) / (1 + len(fair)) if len(fair) else math.nan
        found.append(Score(MMD2, params, value, len(mixing.part), chance=float(fair.mean()) if len(fair) else math.nan))
        why = "" if len(fair) else "no permutations were asked for"
        found.append(Score(P_VALUE, params, p, len(mixing.part), reason=why))
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

"""Structure: over how many directions an LDR spreads; a collapsed one leaks nothing and is worthless."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import scans_of
from benchmark.metrics.feature_scaling import varying
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

EFFECTIVE_RANK = Metric("structure", "effective_rank", version=1, higher_is_better=True, lowest=1.0, highest=math.inf)
PC1_SHARE = Metric("structure", "pc1_share", version=1, higher_is_better=False)
COLLAPSED = Metric("structure", "collapsed", version=1, higher_is_better=False)

#: An LDR counts as collapsed below this effective rank, or above this share of variance in one direction.
LOWEST_RANK, HIGHEST_SHARE = 4.0, 0.6


def effective_rank(ldr: npt.ArrayLike) -> Estimate:
    """Effective rank: over how many directions the variance of LDRs of shape (scans, dimensions) spreads.

    exp(-Σ p_i ln p_i), from the eigenvalues λ of the covariance and their shares p_i = λ_i / Σ λ; in [1, dimensions],
    higher is better (Roy & Vetterli, EUSIPCO 2007, with a departure that :func:`exp_entropy` states). Beyond collapse
    it is no merit: noise has the highest rank. Collapse of this kind: Jing et al., ICLR 2022.

    Parameters
    ----------
    ldr
        Shape (n_scans, n_dims), finite, in raw coordinates.

    Returns
    -------
    Estimate
        n in scans; NaN with a note for fewer than two scans, or a constant LDR.
    """
    return _structure(scans_of(ldr)[0])[0]


def first_component_share(ldr: npt.ArrayLike) -> Estimate:
    """Share of the variance in the first principal component, max p_i of :func:`effective_rank`, all else as there.

    In [1 / dimensions, 1], lower is better (Jolliffe, Principal component analysis, Springer 2002).
    """
    return _structure(scans_of(ldr)[0])[1]


def collapsed(ldr: npt.ArrayLike) -> Estimate:
    """Whether an LDR has collapsed: it can leak little and still be worth nothing; arguments of :func:`effective_rank`.

    1, the worse value, where the effective rank is below 4 or the first component holds more than 60 % of the variance,
    and 0 elsewhere. An LDR with fewer than 4 dimensions is always flagged, and so is a constant one, which has no
    variance to share; NaN with a note for fewer than two scans. The flag and its limits are ours.
    """
    return _structure(scans_of(ldr)[0])[2]


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`effective_rank`, :func:`first_component_share` and :func:`collapsed`."""
    params = {"coordinates": "raw", "dimensions": scans.ldr.shape[1]}
    metrics = (EFFECTIVE_RANK, PC1_SHARE, COLLAPSED)
    return [one.score(metric, params) for metric, one in zip(metrics, _structure(scans), strict=True)]


@reproducible()
def _structure(scans: Scans) -> tuple[Estimate, Estimate, Estimate]:
    n, few, constant = len(scans), len(scans) < 2, not varying(scans.ldr).any()
    if few or constant:
        note = "fewer than two scans" if few else "the LDR is constant"
        undefined = Estimate(math.nan, n, note=note)
        return undefined, undefined, undefined if few else Estimate(1.0, n, note=note)
    shares = variance_shares(scans.ldr)
    rank, share = exp_entropy(shares), float(shares[0])
    flag = float(rank < LOWEST_RANK or share > HIGHEST_SHARE)
    return Estimate(rank, n), Estimate(share, n), Estimate(flag, n)


def variance_shares(ldr: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the variance that each principal component holds, largest first, shape (dimensions,).

    Parameters
    ----------
    ldr
        Shape (scans, dimensions), not constant.
    """
    covariance = np.cov(ldr, rowvar=False).reshape(ldr.shape[1], -1)
    eigenvalues = np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0.0)
    shares: npt.NDArray[np.float64] = eigenvalues / eigenvalues.sum()
    return shares


def exp_entropy(shares: npt.NDArray[np.float64]) -> float:
    """Exponential of the Shannon entropy of variance shares, in [1, dimensions] (Roy 2007).

    Roy and Vetterli take the singular values of the data; here it is the eigenvalues of the covariance, their
    squares, so that the number speaks of shares of variance as the first component's share does. It is the lower
    of the two.
    """
    positive = shares[shares > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()))

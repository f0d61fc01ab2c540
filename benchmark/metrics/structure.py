"""Structure: over how many directions an LDR spreads; a collapsed one leaks nothing and is worthless."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmark.metrics.feature_scaling import varying
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

EFFECTIVE_RANK = Metric("structure", "effective_rank", version=1, higher_is_better=True, lowest=1.0, highest=math.inf)
PC1_SHARE = Metric("structure", "pc1_share", version=1, higher_is_better=False)
COLLAPSED = Metric("structure", "collapsed", version=1, higher_is_better=False)

#: An LDR counts as collapsed below this effective rank, or above this share of variance in one direction.
LOWEST_RANK, HIGHEST_SHARE = 4.0, 0.6


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Effective rank, first component's share and collapse flag of the scored scans' LDRs, in raw coordinates.

    From the eigenvalues λ of the covariance of LDRs of shape (scans, dimensions), and their shares p_i = λ_i / Σ λ: the
    effective rank is exp(-Σ p_i ln p_i), in [1, dimensions], higher is better (Roy & Vetterli, EUSIPCO 2007, with a
    departure that :func:`effective_rank` states); the first component's share is max p_i, in [1 / dimensions, 1], lower
    is better (Jolliffe, Principal component analysis, Springer 2002). Beyond collapse neither is a merit: noise has the
    highest rank. Collapse of this kind: Jing et al., ICLR 2022; the flag and its limits are ours.

    ``collapsed`` is 1, the worse value, where the effective rank is below 4 or the first component holds more than 60 %
    of the variance, and 0 elsewhere: such an LDR can leak little and still be worth nothing. An LDR with fewer than 4
    dimensions is always flagged, and so is a constant one, which has no variance to share.

    Returns
    -------
    list of Score
        n in scans; NaN with a reason for fewer than two scans and, but for ``collapsed``, a constant LDR.
    """
    params = key_values(coordinates="raw", dimensions=scans.ldr.shape[1])
    few, constant = len(scans) < 2, not varying(scans.ldr).any()
    if few or constant:
        reason = "fewer than two scans" if few else "the LDR is constant"
        found = [Score(metric, params, math.nan, len(scans), reason=reason) for metric in (EFFECTIVE_RANK, PC1_SHARE)]
        return [*found, Score(COLLAPSED, params, math.nan if few else 1.0, len(scans), reason=reason)]
    shares = variance_shares(scans.ldr)
    rank = effective_rank(shares)
    collapsed = rank < LOWEST_RANK or shares[0] > HIGHEST_SHARE
    return [
        Score(EFFECTIVE_RANK, params, rank, len(scans)),
        Score(PC1_SHARE, params, float(shares[0]), len(scans)),
        Score(COLLAPSED, params, float(collapsed), len(scans)),
    ]


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


def effective_rank(shares: npt.NDArray[np.float64]) -> float:
    """Exponential of the Shannon entropy of variance shares, in [1, dimensions] (Roy 2007).

    Roy and Vetterli take the singular values of the data; here it is the eigenvalues of the covariance, their
    squares, so that the number speaks of shares of variance as the first component's share does. It is the lower
    of the two.
    """
    positive = shares[shares > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()))

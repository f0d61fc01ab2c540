"""Stabiliser of the adversarial phase: keep the LDR's dimensions alive, different, and as many as wanted."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def variance_covariance_penalty(ldr: Tensor) -> tuple[Tensor, Tensor]:
    """Variance and covariance terms on raw representations.

    In the manner of VICReg (Bardes et al., ICLR 2022), with two departures: the standard deviation is drawn
    towards 1 from both sides, since an inflated dimension hides a site as well as a dead one; and the terms
    are returned apart, to be weighted by the caller.

    Parameters
    ----------
    ldr
        Shape (scan, dimension), at least two scans.

    Returns
    -------
    tuple of Tensor
        ``variance``: mean over dimensions of |SD - 1|. ``covariance``: sum of the squared off-diagonal
        covariances divided by the number of dimensions. Both are scalars ≥ 0.
    """
    n, d = ldr.shape
    centred = ldr - ldr.mean(dim=0)
    covariance = centred.T @ centred / (n - 1)
    variances = covariance.diagonal()
    off_diagonal = (covariance**2).sum() - (variances**2).sum()
    return (torch.sqrt(variances + 1e-4) - 1).abs().mean(), off_diagonal / d


def rank_penalty(ldr: Tensor, rank: float) -> Tensor:
    """Squared distance between the logarithms of an effective rank and of the one that is wanted.

    The effective rank is the exponential of the entropy of the covariance's normalised eigenvalues (Roy & Vetterli,
    EUSIPCO 2007, with eigenvalues for singular values).

    Parameters
    ----------
    ldr
        Shape (scan, dimension), at least two scans.
    rank
        Wanted effective rank, from 1 to the number of dimensions.

    Returns
    -------
    Tensor
        (log effective rank - log rank)², a scalar ≥ 0.
    """
    centred = ldr - ldr.mean(dim=0)
    # Nothing is divided by 0 where all scans are the same.
    values = torch.linalg.eigvalsh(centred.T @ centred / (len(ldr) - 1)).clamp_min(0) + 1e-8
    shares = values / values.sum()
    entropy: Tensor = -(shares * shares.log()).sum()
    return (entropy - math.log(rank)).square()

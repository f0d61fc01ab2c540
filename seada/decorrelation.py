"""Stabiliser of the adversarial phase: keep the LDR's dimensions alive and different from each other."""

from __future__ import annotations

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

"""Closed-form linear adversary: how much of the site a linear map can read from LDRs, as a loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def explained_site_variance(ldr: Tensor, site: Tensor, sites: int, ridge: float = 0.05) -> Tensor:
    """Share of the variance of one-hot sites that ridge regression on the LDR explains.

    The best linear adversary needs no training: its loss has a closed form, and the encoder can descend on it
    (Sadeghi, Yu, Boddeti, ICCV 2019, of which this is the linear case). Up to the ridge it does not change under
    invertible linear maps of the LDR, so a site cannot hide from it by inflating another direction.

    Parameters
    ----------
    ldr
        Shape (scan, dimension), more scans than dimensions.
    site
        Shape (scan,), integers in [0, sites).
    sites
        Number of sites.
    ridge
        Relative to the mean variance of a dimension.

    Returns
    -------
    Tensor
        Scalar in [0, 1]; about dimension / scan where there is nothing to read.
    """
    n, d = ldr.shape
    centred = ldr - ldr.mean(dim=0)
    target = functional.one_hot(site, sites).to(ldr)
    target = target - target.mean(dim=0)
    covariance = centred.T @ centred / n
    covariance = covariance + ridge * covariance.diagonal().mean() * torch.eye(d, dtype=ldr.dtype, device=ldr.device)
    cross = centred.T @ target / n
    explained = (cross * torch.linalg.solve(covariance, cross)).sum()
    share: Tensor = explained / target.square().sum(dim=1).mean().clamp_min(1e-12)
    return share

"""Autoencoder with a penalty on differences of the sites' covariances and means."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.kernels import covariance_norm, site_products, spread
from baselines.site_penalty import SitePenalty


class DeepCORAL(SitePenalty):
    """Correlation alignment in training: Deep CORAL (Sun & Saenko, ECCV 2016 workshops).

    Mean over sites of the squared Frobenius distance of a site's covariance from the mean covariance, relative to that
    one's squared norm; plus the mean squared distance of a site's mean from the mean of all, relative to its trace.

    Departures from the paper: the task is reconstruction, since methods see no diagnosis; there are several sites and
    none is the target; means are aligned as well; both parts are relative to the LDRs' size, where the paper divides by
    the squared dimension alone, so that small LDRs are no solution; distances are estimated without bias, from LDRs of
    the last few batches.

    Parameters
    ----------
    weight, memory_batches, ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`baselines.site_penalty.SitePenalty`.
    """

    def penalty(self, ldrs: Tensor, sites: Tensor) -> Tensor:
        """Relative squared distances of covariances and of means, a scalar."""
        parts = [ldrs[sites == site] for site in torch.unique(sites)]
        covariances = torch.stack([torch.cov(part.T) for part in parts])
        of_all = covariances.mean(dim=0)
        products = torch.einsum("aij,bij->ab", covariances, covariances)
        # A covariance's product with itself has the bias of sampling; those of different sites have none.
        products = products.diagonal_scatter(torch.stack([covariance_norm(part) for part in parts]))
        means = spread(site_products(ldrs @ ldrs.T, sites))
        return spread(products) / of_all.square().sum().clamp_min(1e-12) + means / of_all.trace().clamp_min(1e-12)

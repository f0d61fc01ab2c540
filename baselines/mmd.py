"""Autoencoder with the maximum mean discrepancy between sites as a penalty."""

from __future__ import annotations

from torch import Tensor

from baselines.kernels import median_rbf, site_products, spread
from baselines.site_penalty import SitePenalty

#: Widths of the kernels, as multiples of the median squared distance.
WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


class MMD(SitePenalty):
    """Squared maximum mean discrepancy (Gretton et al., JMLR 2012) between each site's LDRs and those of all sites.

    Several Gaussian kernels with equal weights, around the median of squared distances, as in deep adaptation networks
    (Long et al., ICML 2015), without bias. All sites are the mixture that has an equal share of each, and the penalty
    is the mean over sites. In [0, 1) but for the error of estimation.

    Departures from Long et al.: the task is reconstruction, since methods see no diagnosis; the penalty is on the LDR
    alone and not on several layers; the weights of the kernels are not learnt; there are several sites and none is the
    target; LDRs of the last few batches stand in for a large batch.

    Parameters
    ----------
    weight, memory_batches, ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`baselines.site_penalty.SitePenalty`.
    """

    def penalty(self, ldrs: Tensor, sites: Tensor) -> Tensor:
        """Mean over sites of the squared discrepancy from all sites, a scalar."""
        return spread(site_products(median_rbf(ldrs, WIDTHS), sites))

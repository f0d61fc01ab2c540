"""Autoencoder with the dependence between LDR and site as a penalty."""

from __future__ import annotations

import torch
from torch import Tensor

from baselines.kernels import median_rbf, u_centred
from baselines.site_penalty import SitePenalty


class HSIC(SitePenalty):
    """Normalised Hilbert-Schmidt independence criterion between LDR and site (Gretton et al., ALT 2005).

    A Gaussian kernel on LDRs, whose width is the median of squared distances, and a linear one on one-hot sites.
    HSIC(x, y) / sqrt(HSIC(x, x) HSIC(y, y)), as in the centred alignment of kernels (Cortes et al., JMLR 2012): in
    [-1, 1], 0 for independence, the same for LDRs at any scale.

    Departures from the paper, which tests for dependence: the criterion is a penalty beside the reconstruction, is
    normalised, is estimated without bias (Song et al., JMLR 2012), and from LDRs of the last few batches.

    Parameters
    ----------
    weight, memory_batches, ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`baselines.site_penalty.SitePenalty`.
    """

    def penalty(self, ldrs: Tensor, sites: Tensor) -> Tensor:
        """Normalised criterion, a scalar."""
        of_ldrs = u_centred(median_rbf(ldrs))
        of_sites = u_centred((sites[:, None] == sites).to(ldrs))
        norm = torch.linalg.matrix_norm(of_ldrs) * torch.linalg.matrix_norm(of_sites)
        alignment: Tensor = (of_ldrs * of_sites).sum() / norm.clamp_min(1e-12)
        return alignment

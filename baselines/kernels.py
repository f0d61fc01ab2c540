"""Kernel matrices of LDRs, and estimates from them that sampling does not bias.

Memories hold few scans of a site. The usual estimates of distances between distributions are then mostly bias, which
grows with the rank of the LDR: to minimise them is to collapse it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def median_rbf(points: Tensor, widths: Sequence[float] = (1.0,)) -> Tensor:
    """Gaussian kernels exp(-d² / (w m)), mean over widths w; d² is the squared distance, m its median over pairs.

    The median heuristic of Gretton et al., JMLR 2012. The median is a constant to the gradient.

    Parameters
    ----------
    points
        Shape (scan, dimension), at least two scans.
    widths
        Multiples of the median.

    Returns
    -------
    Tensor
        Shape (scan, scan), in (0, 1], the same for points at any scale.
    """
    squares = points.square().sum(dim=1)
    distances = (squares[:, None] + squares - 2 * points @ points.T).clamp_min(0)
    first, second = torch.triu_indices(len(points), len(points), offset=1, device=points.device)
    median = distances.detach()[first, second].median().clamp_min(1e-12)
    return torch.stack([torch.exp(-distances / (width * median)) for width in widths]).mean(dim=0)


def site_products(kernel: Tensor, sites: Tensor) -> Tensor:
    """Products of the sites' mean embeddings: the mean of a kernel over pairs of different scans of two sites.

    Parameters
    ----------
    kernel
        Shape (scan, scan).
    sites
        Integers, shape (scan,); at least two scans of each site.

    Returns
    -------
    Tensor
        Shape (site, site), without bias, the diagonal included.
    """
    member = functional.one_hot(torch.unique(sites, return_inverse=True)[1]).to(kernel)
    counts = member.sum(dim=0)
    sums = member.T @ kernel @ member - torch.diag(kernel.diagonal() @ member)
    return sums / (torch.outer(counts, counts) - torch.diag(counts))


def spread(products: Tensor) -> Tensor:
    """Mean squared distance of vectors from their mean, from their products (vector, vector); a scalar."""
    return products.diagonal().mean() - products.mean()


def u_centred(kernel: Tensor) -> Tensor:
    """Kernel matrix (scan, scan) with sums of 0 along rows and columns and with a diagonal of 0; at least four scans.

    Székely & Rizzo, Annals of Statistics 2014. The mean of a product of two of them over the n (n - 3) pairs is the
    Hilbert-Schmidt independence criterion without bias (Song et al., JMLR 2012).
    """
    count = len(kernel)
    bare = kernel - torch.diag(kernel.diagonal())
    rows = bare.sum(dim=1) / (count - 2)
    centred = bare - rows[:, None] - rows + bare.sum() / ((count - 1) * (count - 2))
    return centred - torch.diag(centred.diagonal())


def covariance_norm(points: Tensor) -> Tensor:
    """Squared Frobenius norm of the covariance of points (scan, dimension), without bias; at least four scans."""
    count = len(points)
    return u_centred(points @ points.T).square().sum() / (count * (count - 3))

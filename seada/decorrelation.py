"""Stabiliser of the adversarial phase: keep the LDR's dimensions alive and different from each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn


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


class LDRMemory(nn.Module):
    """The LDRs of the last few batches, without gradient, so that the covariance of a small batch is not noise.

    Parameters
    ----------
    batches
        How many past batches are kept; 0 keeps none.
    """

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches = batches
        # Not a buffer: its length varies, and DDP would hold on to the first tensor and broadcast that.
        self.history: Tensor | None = None

    def extend(self, ldr: Tensor) -> Tensor:
        """LDR (batch, dimension) behind the kept ones, (kept + batch, dimension); then keeps it, detached."""
        joined = ldr if self.history is None else torch.cat([self.history.to(ldr), ldr])
        keep = min(self.batches * len(ldr), len(joined))
        self.history = joined[len(joined) - keep :].detach() if keep else None
        return joined

    def get_extra_state(self) -> dict[str, Tensor]:
        """The kept LDRs, so that a resumed run continues as it was."""
        return {} if self.history is None else {"history": self.history}

    def set_extra_state(self, state: dict[str, Tensor]) -> None:
        """Inverse of :meth:`get_extra_state`."""
        self.history = state.get("history")

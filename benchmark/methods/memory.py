"""The last few batches' LDRs, so that statistics of a small batch are not noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LDRMemory(nn.Module):
    """LDRs and sites of the last few batches, without gradient.

    The encoder moves little within a few batches, so their LDRs stand in for a batch many times as large. What does
    move is the mean over all scans: in the first epochs on the phantom up to four fifths of the variance over 16
    batches lie between the batches' means. That meets a variance penalty without any difference between scans, and
    puts the new scans where a domain classifier has seen none.

    Parameters
    ----------
    batches
        How many past batches are kept; 0 keeps none.
    centred
        Whether every batch counts relative to its own mean, which takes the movement out. Where batches are balanced
        by site, no site's mean is lost with it. A batch of one scan stays as it is.
    """

    def __init__(self, batches: int, centred: bool = False) -> None:
        super().__init__()
        self.batches = batches
        self.centred = centred
        # Not buffers: their length varies, and DDP would hold on to the first tensors and broadcast those.
        self.ldr: Tensor | None = None
        self.site: Tensor | None = None

    def extend(self, ldr: Tensor, site: Tensor) -> tuple[Tensor, Tensor]:
        """Put a batch behind the kept ones, then keep it, detached.

        Parameters
        ----------
        ldr, site
            Shapes (batch, dimension) and (batch,).

        Returns
        -------
        tuple of Tensor
            LDRs and sites of kept and new scans, (kept + batch, dimension) and (kept + batch,); only the new
            ones carry a gradient.
        """
        if self.centred and len(ldr) > 1:
            ldr = ldr - ldr.mean(dim=0)
        if self.ldr is None or self.site is None:
            ldrs, sites = ldr, site
        else:
            ldrs, sites = torch.cat([self.ldr.to(ldr), ldr]), torch.cat([self.site.to(site), site])
        start = len(ldrs) - min(self.batches * len(ldr), len(ldrs))
        self.ldr, self.site = (ldrs[start:].detach(), sites[start:]) if self.batches else (None, None)
        return ldrs, sites

    def get_extra_state(self) -> dict[str, Tensor]:
        """What is kept, so that a resumed run continues as it was."""
        return {} if self.ldr is None or self.site is None else {"ldr": self.ldr, "site": self.site}

    def set_extra_state(self, state: dict[str, Tensor]) -> None:
        """Inverse of :meth:`get_extra_state`."""
        self.ldr, self.site = state.get("ldr"), state.get("site")

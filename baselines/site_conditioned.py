"""Decoder that is told the site of a scan, so that the LDR need not hold it."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from benchmark.methods.autoencoding import AutoencodingModule
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.representation import Batch


class SiteConditioned(AutoencodingModule):
    """The shared encoder, and a decoder modulated by the site in the place of a style code.

    An LDR needs no site. A reconstruction takes that of the scan; that of a site that training has not seen takes the
    mean code of all training sites.

    Parameters
    ----------
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`benchmark.methods.autoencoding.AutoencodingModule`.
    """

    def build(self, spec: DataSpec) -> None:
        """Create encoder, and decoder with a code of one number for each training site."""
        self.style_dim = len(spec.sites)
        super().build(spec)

    def style_code(self, batch: Batch) -> Tensor:
        """One-hot site, shape (batch, site); 1 / sites everywhere for an unseen one."""
        codes = functional.one_hot(batch["site"], self.style_dim + 1)[:, :-1].to(batch["volume"])
        unseen = (batch["site"] == self.style_dim)[:, None]
        return codes.masked_fill(unseen, 1 / self.style_dim)

    def notes(self) -> dict[str, str]:
        """What reconstructions know."""
        known = "reconstructions know the site of a scan; those of an unseen site take the mean of the sites' codes"
        return {**super().notes(), "site code": known}

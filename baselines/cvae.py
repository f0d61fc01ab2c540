"""Conditional variational autoencoder: a decoder that knows the site, and an LDR that holds little."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from baselines.site_conditioned import SiteConditioned
from benchmark.methods.autoencoding import reconstruction_loss
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import AVERAGE_FROM, Batch
from benchmark.seeds import derive_seed


class CVAE(SiteConditioned):
    """Conditional variational autoencoder (Sohn et al., NIPS 2015), after Moyer et al., Magn Reson Med 2020.

    Moyer et al. bound what a representation z of a scan x tells of its site s without an adversary: up to a constant,
    I(z; s) <= E KL[q(z | x) || q(z)] - E log p(x | z, s). The decoder is told the site, so that what z spends on it
    costs compression and gains nothing. As KL[q(z | x) || p(z)] is no less on average, the bound and the usual loss of
    a variational autoencoder have the same terms: the squared error of a decoder that knows the site, and ``kl_weight``
    times the divergence from a standard normal prior. The LDR is the mean of q(z | x).

    Departures from Moyer et al., who harmonise diffusion signals of patches: no adversary on reconstructions, and one
    weight for both of their divergences; the log variance of q is a linear function of its mean, since all methods
    share one encoder; the site modulates the decoder's features.

    Parameters
    ----------
    kl_weight
        Of the divergence in nats, summed over dimensions, beside the mean squared reconstruction error.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`benchmark.methods.autoencoding.AutoencodingModule`.

    Raises
    ------
    MethodError
        If ``kl_weight`` is negative or no number.
    """

    def __init__(
        self,
        kl_weight: float = 1e-3,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
        blocks: BuildingBlocks = BuildingBlocks(),  # noqa: B008 (frozen; the default shows in --print_config)
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks)
        if not 0 <= kl_weight < math.inf:
            raise MethodError(f"kl_weight: {kl_weight} is not allowed; it must be at least 0")
        self.kl_weight = kl_weight

    def build(self, spec: DataSpec) -> None:
        """Create encoder and decoder, and the log variance of the posterior."""
        super().build(spec)
        self.log_variance = nn.Linear(self.ldr_dim, self.ldr_dim)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Reconstruction from a draw of the posterior, plus its divergence from the prior."""
        mean, between_views = self.encode_with_views(batch)
        with torch.autocast(mean.device.type, enabled=False):
            log_variance = self.log_variance(mean)
            divergence = kl_from_standard_normal(mean, log_variance).mean()
            drawn = mean + torch.exp(log_variance / 2) * self._noise(batch, mean)
        reconstruction = reconstruction_loss(self.decode(drawn, self.style_code(batch)), batch["volume"])
        self.log_losses(batch, mean, reconstruction=reconstruction, divergence=divergence, views=between_views)
        return reconstruction + between_views + self.kl_weight * divergence

    def _noise(self, batch: Batch, mean: Tensor) -> Tensor:
        """Standard normal numbers (batch, ldr_dim), by the run's seed, the epoch and the scan alone."""
        noise = torch.empty_like(mean)
        for place, row in zip(noise, batch["index"].tolist(), strict=True):
            seed = derive_seed(torch.initial_seed(), "posterior", self.current_epoch, row)
            place.normal_(generator=torch.Generator(mean.device).manual_seed(seed))
        return noise

    def configure_optimizers(self) -> Optimizer:
        """One Adam for everything."""
        return self.adam(self.parameters(), self.learning_rate)


def kl_from_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Divergence of normal distributions from the standard one, in nats.

    Parameters
    ----------
    mean, log_variance
        Of independent dimensions, shape (batch, dimension).

    Returns
    -------
    Tensor
        Shape (batch,), at least 0 (Kingma & Welling, ICLR 2014, appendix B).
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(dim=1)

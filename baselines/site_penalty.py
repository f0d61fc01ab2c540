"""Autoencoder with a penalty on how the sites' distributions of LDRs differ."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor
from torch.optim import Optimizer

from benchmark.methods.autoencoding import AutoencodingModule, reconstruction_loss
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.memory import LDRMemory
from benchmark.methods.representation import AVERAGE_FROM, Batch

#: Scans of a site without which nothing is estimated of it.
LEAST_SCANS = 4


class SitePenalty(AutoencodingModule):
    """Reconstruction plus ``weight`` times a penalty on the LDRs of the sites, which a subclass defines.

    A batch has about one scan a site, so the penalty is that of the present and the last few batches, each relative to
    its mean; only the present one has a gradient. Where a batch has as many scans of each site, sites differ as before.

    Parameters
    ----------
    weight
        Of the penalty, beside the mean squared reconstruction error.
    memory_batches
        Past batches whose LDRs the penalty sees beside the present one.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`benchmark.methods.autoencoding.AutoencodingModule`.

    Raises
    ------
    MethodError
        If ``weight`` or ``memory_batches`` is negative or no number.
    """

    def __init__(
        self,
        weight: float = 1.0,
        memory_batches: int = 15,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
        blocks: BuildingBlocks = BuildingBlocks(),  # noqa: B008 (frozen; the default shows in --print_config)
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks)
        self.weight = weight
        self.memory_batches = memory_batches
        for name in ("weight", "memory_batches"):
            if not 0 <= getattr(self, name) < math.inf:
                raise MethodError(f"{name}: {getattr(self, name)} is not allowed; it must be at least 0")
        self.memory = LDRMemory(memory_batches, centred=True)

    def build(self, spec: DataSpec) -> None:
        """Create encoder and decoder; the memory holds as many steps however many batches make one."""
        super().build(spec)
        self.memory.batches = self.memory_batches * self.compute.accumulate

    @abstractmethod
    def penalty(self, ldrs: Tensor, sites: Tensor) -> Tensor:
        """How the sites' distributions differ, a scalar.

        Parameters
        ----------
        ldrs, sites
            Shapes (scan, ldr_dim) and (scan,); of two sites at least, and at least :data:`LEAST_SCANS` of each.
        """

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Reconstruction plus penalty."""
        latent, between_views = self.encode_with_views(batch)
        reconstruction = reconstruction_loss(self.decode(latent), batch["volume"])
        ldrs, sites = self.memory.extend(self.gathered(latent), self.gathered(batch["site"]))
        _, inverse, counts = torch.unique(sites, return_inverse=True, return_counts=True)
        penalty = latent.new_zeros(())
        if (counts >= LEAST_SCANS).sum() > 1:
            enough = (counts >= LEAST_SCANS)[inverse]
            with torch.autocast(latent.device.type, enabled=False):
                penalty = self.penalty(ldrs[enough], sites[enough])
        self.log_losses(batch, latent, reconstruction=reconstruction, penalty=penalty, views=between_views)
        return reconstruction + between_views + self.weight * penalty

    def configure_optimizers(self) -> Optimizer:
        """One Adam for everything."""
        return self.adam(self.parameters(), self.learning_rate)

"""What all autoencoding methods share: encoder, decoder, reconstruction."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.decoder import Decoder
from benchmark.methods.encoder import Encoder
from benchmark.methods.representation import AVERAGE_FROM, Batch, RepresentationModule


class AutoencodingModule(RepresentationModule):
    """Encoder and decoder of the benchmark, the same for every method that trains.

    Parameters
    ----------
    ldr_dim
        Length of the LDR.
    width
        Channels after the second halving of the grid.
    levels
        How often the grid is halved; every axis of the volume is a multiple of 2**levels voxels.
    learning_rate, gradient_clip, average_from
        See :class:`benchmark.methods.representation.RepresentationModule`.
    """

    #: Length of the style code that the decoder is modulated by; 0 for a decoder without one.
    style_dim: int = 0

    def __init__(
        self,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
    ) -> None:
        super().__init__(learning_rate, gradient_clip, average_from)
        self.ldr_dim = ldr_dim
        self.width = width
        self.levels = levels
        self._ldrs_of_epoch: list[Tensor] = []
        self._losses_of_epoch: dict[str, Tensor] = {}

    def build(self, spec: DataSpec) -> None:
        """Create the encoder and the decoder."""
        sizes, again = (spec.shape, self.ldr_dim, self.width, self.levels), self.compute.checkpoint_activations
        self.encoder = Encoder(*sizes, again)
        self.decoder = Decoder(*sizes, self.style_dim, again)
        self.compute.prepare(self.encoder, self.decoder)

    def embed(self, batch: Batch) -> Tensor:
        """LDR, shape (batch, ldr_dim)."""
        ldr: Tensor = self.encoder(batch["volume"])
        return ldr

    def reconstruct(self, batch: Batch, ldr: Tensor) -> Tensor:
        """Volume of the decoder, shape (batch, 1, x, y, z)."""
        volume: Tensor = self.decoder(ldr, self.style_code(batch))
        return volume

    def on_train_epoch_end(self) -> None:
        """Lightning hook: log mean losses, and how many dimensions the LDR really uses; a collapse shows here first."""
        if not self._ldrs_of_epoch:
            # A training step that logs no losses.
            return
        ldrs = torch.cat(self._ldrs_of_epoch)
        rank, share = spectrum(ldrs)
        losses = {f"train/{name}": total / len(ldrs) for name, total in self._losses_of_epoch.items()}
        self._ldrs_of_epoch.clear()
        self._losses_of_epoch.clear()
        self.log_dict({**losses, "ldr/effective_rank": rank, "ldr/first_share": share}, sync_dist=True)

    def log_losses(self, batch: Batch, ldr: Tensor, **losses: Tensor) -> None:
        """Log losses by name, averaged over the epoch and the ranks, and keep the batch's LDR for its spectrum."""
        self._ldrs_of_epoch.append(ldr.detach().float())
        # Summed here and logged once an epoch: a call of Lightning's log costs up to a tenth of a step.
        for name, loss in losses.items():
            added = at_least_single(loss.detach()) * len(batch["index"])
            self._losses_of_epoch[name] = self._losses_of_epoch.get(name, 0) + added


def reconstruction_loss(reconstruction: Tensor, volume: Tensor) -> Tensor:
    """Mean squared error over all voxels of (batch, 1, x, y, z) volumes, in squared normalised intensity."""
    return functional.mse_loss(reconstruction, volume)


def spectrum(ldr: Tensor) -> tuple[Tensor, Tensor]:
    """Effective rank and first component's share of variance of LDRs (scan, dimension).

    The effective rank is the exponential of the entropy of the covariance's normalised eigenvalues (Roy &
    Vetterli, EUSIPCO 2007, with eigenvalues for singular values), between 1 and the number of dimensions.
    """
    values = torch.linalg.svdvals(ldr - ldr.mean(dim=0)) ** 2
    shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny)
    return torch.exp(-(shares * shares.clamp_min(1e-12).log()).sum()), shares[0]

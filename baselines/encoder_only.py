"""Base of methods that train the shared encoder without a decoder."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.methods.autoencoding import spectrum
from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.encoder import Encoder
from benchmark.methods.representation import AVERAGE_FROM, Batch, RepresentationModule


class EncoderOnly(RepresentationModule):
    """The encoder that every method shares; its output is the LDR, and nothing is reconstructed.

    Parameters
    ----------
    ldr_dim
        Length of the LDR.
    width, levels
        See :class:`benchmark.methods.encoder.Encoder`.
    learning_rate, gradient_clip, average_from
        See :class:`benchmark.methods.representation.RepresentationModule`.
    """

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
        self._of_epoch: list[tuple[Tensor, dict[str, Tensor]]] = []

    def build(self, spec: DataSpec) -> None:
        """Create the encoder."""
        again = self.compute.checkpoint_activations
        self.encoder = Encoder(spec.shape, self.ldr_dim, self.width, self.levels, again)
        self.compute.prepare(self.encoder)

    def encode(self, volume: Tensor) -> Tensor:
        """Volume (batch, 1, x, y, z) to LDR (batch, ldr_dim), in single precision at least."""
        return at_least_single(self.encoder(volume))

    def embed(self, batch: Batch) -> Tensor:
        """Output of the encoder, shape (batch, ldr_dim)."""
        return self.encode(batch["volume"])

    def log_losses(self, ldr: Tensor, **losses: Tensor) -> None:
        """Keep the LDRs (batch, ldr_dim) and the losses of a batch, which are logged when the epoch ends."""
        self._of_epoch.append((ldr.detach().float(), {name: loss.detach().float() for name, loss in losses.items()}))

    def on_train_epoch_end(self) -> None:
        """Lightning hook: log mean losses, and how many dimensions the LDR really uses, as autoencoders do."""
        ldrs = torch.cat([ldr for ldr, _ in self._of_epoch])
        rank, share = spectrum(ldrs)
        sums = {
            name: torch.stack([len(ldr) * losses[name] for ldr, losses in self._of_epoch]).sum()
            for name in self._of_epoch[0][1]
        }
        self._of_epoch.clear()
        means = {f"train/{name}": total / len(ldrs) for name, total in sums.items()}
        self.log_dict({**means, "ldr/effective_rank": rank, "ldr/first_share": share}, sync_dist=True)

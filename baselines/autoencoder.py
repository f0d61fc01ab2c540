"""Plain autoencoder: the representation that nobody freed of anything."""

from __future__ import annotations

from torch import Tensor
from torch.optim import Optimizer

from benchmark.methods.autoencoding import AutoencodingModule, reconstruction_loss
from benchmark.methods.representation import Batch


class Autoencoder(AutoencodingModule):
    """The shared encoder and decoder, trained to reconstruct and nothing else.

    Parameters
    ----------
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`benchmark.methods.autoencoding.AutoencodingModule`.
    """

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Reconstruction loss of a batch."""
        ldr = self.encoder(batch["volume"])
        loss = reconstruction_loss(self.decoder(ldr), batch["volume"])
        self.log_losses(batch, ldr, reconstruction=loss)
        return loss

    def configure_optimizers(self) -> Optimizer:
        """One Adam for everything."""
        return self.adam(self.parameters(), self.learning_rate)

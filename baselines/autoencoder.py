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
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`benchmark.methods.autoencoding.AutoencodingModule`.
    """

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Reconstruction loss of a batch."""
        latent, between_views = self.encode_with_views(batch)
        loss = reconstruction_loss(self.decode(latent), batch["volume"])
        self.log_losses(batch, latent, reconstruction=loss, views=between_views)
        return loss + between_views

    def configure_optimizers(self) -> Optimizer:
        """One Adam for everything."""
        return self.adam(self.parameters(), self.learning_rate)

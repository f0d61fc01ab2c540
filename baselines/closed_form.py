"""Base of methods without epochs: what they need is computed once, or nothing at all."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmark.methods.representation import Batch, RepresentationModule


class ClosedForm(RepresentationModule):
    """A method that has nothing to descend on; a sweep's budget of epochs does not apply to it."""

    #: For the plan of a sweep: such a method takes no time to train.
    training_epochs_apply = False

    def __init__(self) -> None:
        super().__init__()
        # DDP refuses a module without parameters.
        self.anchor = nn.Parameter(torch.zeros(()))

    def on_fit_start(self) -> None:
        """Lightning hook: skip the epochs, whatever the trainer was told."""
        self.trainer.fit_loop.max_epochs = 0

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Lightning wants the hook to exist; it is never reached."""
        return self.anchor * 0

    def configure_optimizers(self) -> None:
        """No optimiser."""

"""Features of a diagnosis classifier."""

from __future__ import annotations

from torch import Tensor

from baselines.supervised import Classifying, mean_of
from benchmark.methods.representation import Batch


class DiagnosisClassifier(Classifying):
    """The shared encoder, trained by a linear classifier of the diagnosis behind it, and by nothing else.

    What a hospital that wants to retrieve by disease, and has labels, would try first; nothing is done about the site.

    Parameters
    ----------
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.
    """

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Cross-entropy of the diagnoses, mean over the scans of all processes that have one."""
        ldr = self.embed(batch)
        ldrs, codes, _ = self.labelled(ldr, batch)
        loss = mean_of(self.cross_entropies(ldrs, codes))
        self.log_losses(ldr, diagnosis=loss)
        return loss

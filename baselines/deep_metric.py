"""Deep metric learning: scans of one diagnosis come together, those of others go apart."""

from __future__ import annotations

import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner
from torch import Tensor

from baselines.memory import Memory
from baselines.supervised import Supervised
from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.representation import AVERAGE_FROM, Batch


class DeepMetric(Supervised):
    """Multi-similarity loss on the LDR, with its miner (Wang et al., CVPR 2019) and a memory of past batches.

    Loss and miner are those of pytorch-metric-learning. Two scans are alike by the cosine of their LDRs, and positives
    of each other if they have the same diagnosis, of whichever site. A batch of the suite has few scans, so those of
    the last few batches are compared with as well (cross-batch memory, see :class:`baselines.memory.Memory`).

    Parameters
    ----------
    alpha, beta
        Sharpness for positive and for negative pairs.
    threshold
        Cosine that positive pairs should be above and negative pairs below.
    margin
        By how much a pair may be better than the anchor's hardest pair of the other kind and still be mined.
    memory_batches
        Number of past batches that anchors are compared with beside the present one.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.
    """

    def __init__(
        self,
        alpha: float = 2.0,
        beta: float = 50.0,
        threshold: float = 0.5,
        margin: float = 0.1,
        memory_batches: int = 7,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from)
        self.alpha = alpha
        self.beta = beta
        self.threshold = threshold
        self.margin = margin
        self.memory_batches = memory_batches
        self.memory = Memory(memory_batches)
        self.pairs = MultiSimilarityMiner(epsilon=margin)
        self.loss = MultiSimilarityLoss(alpha=alpha, beta=beta, base=threshold)

    def build(self, spec: DataSpec) -> None:
        """Create the encoder."""
        super().build(spec)
        self.memory.batches = self.memory_batches * self.compute.accumulate

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of the pairs whose anchor is a scan of this batch, of all processes."""
        ldr = self.embed(batch)
        new, of_new, _ = self.labelled(at_least_single(ldr), batch)
        ldrs, codes = self.memory.extend(new, of_new)
        kept = len(ldrs) - len(new)
        # Without an anchor there is nothing that the library could take a gradient of.
        loss = new.sum()
        if len(new):
            with torch.autocast(ldrs.device.type, enabled=False):
                to_positive, positive, to_negative, negative = self.pairs(ldrs, codes)
                p, n = to_positive >= kept, to_negative >= kept
                # The library's mean is over all rows, of which the kept ones are no anchors and add nothing.
                mean = self.loss(ldrs, codes, (to_positive[p], positive[p], to_negative[n], negative[n]))
                loss = mean * (len(ldrs) / len(new))
        self.log_losses(ldr, multi_similarity=loss)
        return loss

"""Domain-adversarial autoencoder in the manner of DANN."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from benchmark.methods.autoencoding import AutoencodingModule, reconstruction_loss
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.domain import DomainClassifier
from benchmark.methods.objectives import reverse_gradient
from benchmark.methods.representation import AVERAGE_FROM, Batch
from benchmark.methods.schedules import dann_schedule


class DANN(AutoencodingModule):
    """Autoencoder with a domain classifier behind a gradient reversal (Ganin et al., JMLR 2016).

    Departures from the paper: the task beside the adversary is reconstruction, since the benchmark's methods
    see no diagnosis; and the classifier's input is normalised, without which it fell below chance while fresh
    probes still read the site.

    Parameters
    ----------
    adversarial_weight
        Final weight of the reversed gradient; it rises along the paper's logistic schedule.
    classifier_hidden
        Units of the classifier's hidden layers.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`benchmark.methods.autoencoding.AutoencodingModule`.
    """

    def __init__(
        self,
        adversarial_weight: float = 0.05,
        classifier_hidden: int = 64,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
        blocks: BuildingBlocks = BuildingBlocks(),  # noqa: B008 (frozen; the default shows in --print_config)
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks)
        self.adversarial_weight = adversarial_weight
        self.classifier_hidden = classifier_hidden

    def build(self, spec: DataSpec) -> None:
        """Create encoder, decoder and domain classifier."""
        super().build(spec)
        self.classifier = DomainClassifier(self.ldr_dim, len(spec.sites), self.classifier_hidden)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Reconstruction plus domain loss, whose gradient is reversed on its way into the encoder."""
        latent, between_views = self.encode_with_views(batch)
        reconstruction = reconstruction_loss(self.decode(latent), batch["volume"])
        weight = self.adversarial_weight * dann_schedule(self.progress)
        # Of all processes together, as the classifier normalises by the batch.
        ldrs, sites = self.gathered(latent), self.gathered(batch["site"])
        domain = functional.cross_entropy(self.classifier(reverse_gradient(ldrs, weight)), sites)
        self.log_losses(batch, latent, reconstruction=reconstruction, domain=domain, views=between_views)
        return reconstruction + domain + between_views

    def configure_optimizers(self) -> Optimizer:
        """One Adam for everything: the reversal makes the game a single descent."""
        return self.adam(self.parameters(), self.learning_rate)

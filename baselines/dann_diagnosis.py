"""DANN with the diagnosis as its task."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from baselines.supervised import Classifying, mean_of
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.domain import DomainClassifier
from benchmark.methods.objectives import reverse_gradient
from benchmark.methods.representation import AVERAGE_FROM, Batch
from benchmark.methods.schedules import dann_schedule


class DANNDiagnosis(Classifying):
    """Classifier of the diagnosis, and one of the site behind a gradient reversal (Ganin et al., JMLR 2016).

    Departures from the paper: the domains are the training sites, all of which have diagnoses, in place of one source
    with labels and one target without; the site classifier is the suite's, with its normalised input.

    Parameters
    ----------
    adversarial_weight
        Final weight of the reversed gradient; it rises along the paper's logistic schedule.
    classifier_hidden
        Units of the site classifier's hidden layers.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.
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
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from)
        self.adversarial_weight = adversarial_weight
        self.classifier_hidden = classifier_hidden

    def build(self, spec: DataSpec) -> None:
        """Create encoder and both classifiers."""
        super().build(spec)
        self.classifier = DomainClassifier(self.ldr_dim, len(spec.sites), self.classifier_hidden)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of the diagnoses plus that of the sites, whose gradient is reversed on its way into the encoder."""
        ldr = self.embed(batch)
        ldrs, codes, _ = self.labelled(ldr, batch)
        diagnosis = mean_of(self.cross_entropies(ldrs, codes))
        weight = self.adversarial_weight * dann_schedule(self.progress)
        # Of all processes together, as the classifier normalises by the batch; of scans without a diagnosis as well.
        everyone, sites = self.gathered(ldr), self.gathered(batch["site"])
        domain = functional.cross_entropy(self.classifier(reverse_gradient(everyone, weight)), sites)
        self.log_losses(ldr, diagnosis=diagnosis, domain=domain)
        return diagnosis + domain

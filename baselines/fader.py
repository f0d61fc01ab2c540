"""Fader network: a decoder that is told the site, and an adversary on the LDR."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional
from torch.optim import Optimizer

from baselines.site_conditioned import SiteConditioned
from benchmark.methods.autoencoding import reconstruction_loss
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.domain import DomainClassifier
from benchmark.methods.errors import MethodError
from benchmark.methods.memory import LDRMemory
from benchmark.methods.representation import AVERAGE_FROM, Batch


class Fader(SiteConditioned):
    """Fader network (Lample et al., NIPS 2017), with the site as the attribute that fades.

    The classifier learns to name the site of LDRs. The encoder is trained on -log(1 - p) of the probability p that it
    gives to the true site, with a weight that rises linearly from 0 over the training; the decoder is told the site.

    Departures from the paper: attributes are the sites, of which a scan has one, in place of several binary ones; the
    site modulates the decoder's features; the classifier is a perceptron on the LDR, whose input is normalised, without
    dropout; it and the encoder step at the same time, from the same batch, and not in turn; it sees the last few
    batches as well, each relative to its mean, since a batch has about one scan a site.

    Parameters
    ----------
    adversarial_weight
        Of the encoder's loss against the classifier at the end of the training, beside the mean squared error.
    classifier_hidden
        Units of the classifier's hidden layers.
    memory_batches
        Past batches whose LDRs the classifier sees beside the present one.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`benchmark.methods.autoencoding.AutoencodingModule`.

    Raises
    ------
    MethodError
        If ``adversarial_weight`` or ``memory_batches`` is negative or no number.
    """

    def __init__(
        self,
        adversarial_weight: float = 0.01,
        classifier_hidden: int = 64,
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
        self.adversarial_weight = adversarial_weight
        self.classifier_hidden = classifier_hidden
        self.memory_batches = memory_batches
        for name in ("adversarial_weight", "memory_batches"):
            if not 0 <= getattr(self, name) < math.inf:
                raise MethodError(f"{name}: {getattr(self, name)} is not allowed; it must be at least 0")
        self.memory = LDRMemory(memory_batches, centred=True)

    def build(self, spec: DataSpec) -> None:
        """Create encoder, decoder and domain classifier."""
        super().build(spec)
        self.classifier = DomainClassifier(self.ldr_dim, len(spec.sites), self.classifier_hidden)
        self.memory.batches = self.memory_batches * self.compute.accumulate

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Reconstruction and adversarial loss of the encoder, and the classifier's own loss."""
        latent, between_views = self.encode_with_views(batch)
        reconstruction = reconstruction_loss(self.decode(latent, self.style_code(batch)), batch["volume"])
        new = self.gathered(latent)
        ldrs, sites = self.memory.extend(new, self.gathered(batch["site"]))
        with torch.autocast(latent.device.type, enabled=False):
            domain = functional.cross_entropy(self.classifier(ldrs.detach()), sites)
            # The encoder's loss does not reach the classifier's weights.
            fixed = {name: weight.detach() for name, weight in self.classifier.named_parameters()}
            logits: Tensor = functional_call(self.classifier, fixed, (ldrs,))
            adversarial = fader_loss(logits[-len(new) :], sites[-len(new) :])
        self.log_losses(
            batch, latent, reconstruction=reconstruction, domain=domain, adversarial=adversarial, views=between_views
        )
        weight = self.adversarial_weight * self.progress
        return reconstruction + between_views + domain + weight * adversarial

    def configure_optimizers(self) -> Optimizer:
        """One Adam for everything: no loss reaches the other side's weights."""
        return self.adam(self.parameters(), self.learning_rate)


def fader_loss(logits: Tensor, sites: Tensor) -> Tensor:
    """Mean of -log(1 - p), where p is the probability of the true site; a scalar of at least 0.

    Parameters
    ----------
    logits, sites
        Shapes (batch, site) and (batch,), of two sites at least.
    """
    others = logits.scatter(1, sites[:, None], -torch.inf)
    return (logits.logsumexp(dim=1) - others.logsumexp(dim=1)).mean()

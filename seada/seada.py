"""SE-ADA: style encoder adversarial domain adaptation (Tobari et al., arXiv 2501.01326)."""

from __future__ import annotations

from itertools import chain
from typing import Any, Literal, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from benchmark.methods.autoencoding import AutoencodingModule, reconstruction_loss
from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.domain import DomainClassifier
from benchmark.methods.errors import MethodError
from benchmark.methods.objectives import confusion_loss, reverse_gradient
from benchmark.methods.representation import AVERAGE_FROM, Batch
from benchmark.methods.schedules import ramp
from benchmark.methods.views import acquisition_views
from seada.decorrelation import rank_penalty, variance_covariance_penalty
from seada.linear_adversary import explained_site_variance
from seada.memory import LDRMemory
from seada.style import StyleEncoder


class SEADA(AutoencodingModule):
    """Autoencoder whose LDR is freed of the site by a style code and an adversary.

    Training has the stages of Dinsdale et al. (NeuroImage 2021): reconstruction, style code and domain
    classifier alone first; then the encoder is also asked to confuse the classifier, ever more.
    The classifier is trained on detached LDRs all along, several steps a batch.

    Departures from what is public of the paper, all of them settings: the style code modulates the decoder
    feature-wise; it is trained by the site alone and detached from the reconstruction; classifier and losses on
    the LDR see the last few batches too. With ``stabiliser``, which is our addition, a variance and covariance
    penalty keeps the LDR from collapsing onto the one direction that blinds the classifier, the LDR of a scan and
    that of the same scan with another contrast, shading, blur and noise are drawn together (the three terms of
    VICReg, Bardes et al., ICLR 2022), the effective rank is drawn to one value, and a second, linear adversary with a
    closed form finds a site that is hidden behind an inflated direction. ``seada_stabilised.yaml``
    has it on, ``seada.yaml`` off.

    Parameters
    ----------
    objective
        What the encoder is trained for against the classifier: ``confusion`` (uniform predictions) or
        ``reversal`` (the classifier's loss, reversed).
    adversarial_weight
        Weight of the objective after the ramp, beside the mean squared reconstruction error.
    warmup, ramp_length
        Share of the training without adversary, and share over which its weight rises linearly. An adversary that is on
        before the LDR tells one brain from another keeps it from ever doing so.
    classifier_steps, classifier_rate, classifier_hidden
        Steps of the classifier a batch, its learning rate, units of its hidden layers.
    style_dim, style_weight
        Length of the style code; weight of its site loss.
    stabiliser
        Whether the variance and covariance penalty, the views and the linear adversary are on.
    variance_weight, covariance_weight
        Weights of the penalty's terms, from the first step on.
    rank_weight, rank
        Weight of the squared distance between the logarithms of the LDR's effective rank and of ``rank``; it rises with
        the adversarial weight.
    view_weight, view_strength
        Weight of the mean squared distance between the LDRs of a scan and of its view, from the first step on, and
        strength of the views (:func:`benchmark.methods.views.acquisition_views`).
    linear_weight
        Weight of the linear adversary's explained variance; it rises with the adversarial weight.
    memory_batches
        Number of past batches whose LDRs classifier, penalty and linear adversary see beside the present one.
    centre_batches
        Whether they see the LDRs of each batch relative to the batch's mean, which wanders from batch to batch.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`benchmark.methods.autoencoding.AutoencodingModule`.

    Raises
    ------
    MethodError
        If ``warmup`` is not in [0, 1), ``rank`` not in [1, ``ldr_dim``] or a weight is negative.
    """

    def __init__(
        self,
        objective: Literal["confusion", "reversal"] = "confusion",
        adversarial_weight: float = 0.02,
        warmup: float = 0.45,
        ramp_length: float = 0.25,
        classifier_steps: int = 3,
        classifier_rate: float = 2e-3,
        classifier_hidden: int = 64,
        style_dim: int = 8,
        style_weight: float = 0.1,
        stabiliser: bool = True,
        variance_weight: float = 2.0,
        covariance_weight: float = 2.0,
        rank_weight: float = 1.0,
        rank: float = 12.0,
        view_weight: float = 1.5,
        view_strength: float = 1.0,
        linear_weight: float = 2.0,
        memory_batches: int = 15,
        centre_batches: bool = True,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from)
        if not 0 <= warmup < 1:
            raise MethodError(f"warmup: {warmup} is not allowed; it must be a share of the training in [0, 1)")
        if not 1 <= rank <= ldr_dim:
            raise MethodError(f"rank: {rank} is not allowed; it must lie between 1 and ldr_dim, {ldr_dim}")
        # Two optimisers take turns within a batch, which automatic optimisation cannot do.
        self.automatic_optimization = False
        self.objective = objective
        self.adversarial_weight = adversarial_weight
        self.warmup = warmup
        self.ramp_length = ramp_length
        self.classifier_steps = classifier_steps
        self.classifier_rate = classifier_rate
        self.classifier_hidden = classifier_hidden
        self.style_dim = style_dim
        self.style_weight = style_weight
        self.stabiliser = stabiliser
        self.variance_weight = variance_weight
        self.covariance_weight = covariance_weight
        self.rank_weight = rank_weight
        self.rank = rank
        self.view_weight = view_weight
        self.view_strength = view_strength
        self.linear_weight = linear_weight
        self.memory_batches = memory_batches
        self.centre_batches = centre_batches
        for name, value in vars(self).items():
            if name.endswith(("_weight", "_strength")) and value < 0:
                raise MethodError(f"{name}: {value} is not allowed; it must be at least 0")
        self.memory = LDRMemory(memory_batches, centred=centre_batches)

    def build(self, spec: DataSpec) -> None:
        """Create encoder, decoder, style encoder and domain classifier."""
        super().build(spec)
        self.style = StyleEncoder(self.style_dim, len(spec.sites))
        self.classifier = DomainClassifier(self.ldr_dim, len(spec.sites), self.classifier_hidden)
        self.memory.batches = self.memory_batches * self.compute.accumulate

    def configure_optimizers(self) -> list[Optimizer]:
        """Adam of encoder, decoder and style encoder; Adam of the classifier."""
        main = chain(self.encoder.parameters(), self.decoder.parameters(), self.style.parameters())
        optimizers = [
            self.adam(main, self.learning_rate),
            self.adam(self.classifier.parameters(), self.classifier_rate),
        ]
        for optimizer in optimizers:
            # At the step itself: only there have gradients of 16-bit training their own scale again.
            optimizer.register_step_pre_hook(self._clip)
        return optimizers

    def _clip(self, optimizer: Optimizer, *_: Any) -> None:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        clip_grad_norm_(parameters, self.gradient_clip)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Classifier steps on the detached LDR, then one step of encoder, decoder and style encoder."""
        # Lightning's wrappers count the steps, without which no checkpoint is due, and scale mixed precision.
        main, adversary = cast(list[LightningOptimizer], self.optimizers())
        volume, site = batch["volume"], batch["site"]
        ldr, distance = self._encode(batch)
        # Over all ranks' batches and the last few, so that neither adversary nor penalty sees a handful of scans.
        ldrs, sites = self.memory.extend(self.gathered(ldr), self.gathered(site))
        first, last = self.place_in_step(batch_idx)
        domain = self._train_classifier(ldrs.detach(), sites, adversary, self.classifier_steps if last else 0)

        style = self.style(volume)
        # The reconstruction must not reach into the style encoder: it would let anatomy into the code.
        reconstruction = reconstruction_loss(self.decoder(ldr, style.detach()), volume)
        style_site = functional.cross_entropy(self.style.site(style), site)
        with torch.autocast(volume.device.type, enabled=False):
            adversarial = self._adversarial_loss(ldrs, sites, self.trainer.world_size * len(ldr))
            variance, covariance = variance_covariance_penalty(ldrs)
            off_rank = rank_penalty(ldrs, self.rank)
            readable = explained_site_variance(ldrs, sites, self.style.site.out_features)
        pressure = ramp(self.progress, self.warmup, self.ramp_length)
        loss = reconstruction + self.style_weight * style_site + pressure * self.adversarial_weight * adversarial
        if self.stabiliser:
            loss = loss + self.view_weight * distance
        # Means over a part of the step's scans; the other terms are of all LDRs at hand, and add up as they are.
        loss = loss / self.compute.accumulate
        if self.stabiliser:
            loss = loss + self.variance_weight * variance + self.covariance_weight * covariance
            loss = loss + pressure * (self.rank_weight * off_rank + self.linear_weight * readable)
        self._step(main, loss, first, last)
        self.log_losses(
            batch,
            ldr,
            reconstruction=reconstruction,
            domain=domain,
            style_site=style_site,
            adversarial=adversarial,
            variance=variance,
            covariance=covariance,
            rank=off_rank,
            readable=readable,
            view=distance,
        )

    def _encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """LDRs of the scans, and their mean squared distance from those of other views of the same scans."""
        volume = batch["volume"]
        if not (self.stabiliser and self.view_weight):
            return at_least_single(self.encoder(volume)), volume.new_zeros(())
        # The seed of the run: nothing else may set the global generator's seed in between for good.
        views = acquisition_views(volume, batch["index"], self.current_epoch, torch.initial_seed(), self.view_strength)
        ldr, of_views = at_least_single(self.encoder(torch.cat([volume, views]))).chunk(2)
        return ldr, functional.mse_loss(of_views, ldr)

    def _train_classifier(self, ldr: Tensor, site: Tensor, optimizer: LightningOptimizer, steps: int) -> Tensor:
        loss = ldr.new_zeros(())
        for _ in range(steps):
            loss = functional.cross_entropy(self.classifier(ldr), site)
            self._step(optimizer, loss)
        return loss

    def _adversarial_loss(self, ldrs: Tensor, sites: Tensor, new: int) -> Tensor:
        # The kept LDRs only take part in the classifier's normalisation; the loss is of the new ones.
        if self.objective == "reversal":
            logits = self.classifier(reverse_gradient(ldrs, 1.0))[-new:]
            return functional.cross_entropy(logits, sites[-new:])
        return confusion_loss(self.classifier(ldrs)[-new:])

    def _step(self, optimizer: LightningOptimizer, loss: Tensor, first: bool = True, last: bool = True) -> None:
        if first:
            optimizer.zero_grad()
        self.manual_backward(loss)
        if last:
            optimizer.step()

    @torch.no_grad()
    def style_code(self, batch: Batch) -> Tensor:
        """Style code of every scan, shape (batch, style_dim)."""
        code: Tensor = self.style(batch["volume"])
        return code

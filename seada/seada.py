"""SE-ADA: style encoder adversarial domain adaptation (Tobari et al., arXiv 2501.01326)."""

from __future__ import annotations

import math
from typing import Any, Literal, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from benchmark.methods.autoencoding import AutoencodingModule, reconstruction_loss
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.domain import DomainClassifier
from benchmark.methods.errors import MethodError
from benchmark.methods.memory import LDRMemory
from benchmark.methods.objectives import confusion_loss, reverse_gradient
from benchmark.methods.representation import AVERAGE_FROM, Batch
from benchmark.methods.schedules import ramp
from seada.style import StyleEncoder


class SEADA(AutoencodingModule):
    """Autoencoder whose LDR is freed of the site by a style code and an adversary.

    Training has the stages of Dinsdale et al. (NeuroImage 2021): reconstruction, style code and domain
    classifier alone first; then the encoder is also asked to confuse the classifier, ever more.
    The classifier is trained on detached LDRs all along, several steps a batch.

    Departures from what is public of the paper, all of them settings: the style code modulates the decoder
    feature-wise; it is trained by the site alone and detached from the reconstruction; the classifier sees the last
    few batches too, each relative to its mean. With ``blocks``, which are our addition and which every autoencoding
    method may have, the site is erased from the LDR in closed form, and no adversary is needed
    (``seada_balanced.yaml``): with a weight of 0 there is none.

    Parameters
    ----------
    objective
        What the encoder is trained for against the classifier: ``confusion`` (uniform predictions) or
        ``reversal`` (the classifier's loss, reversed).
    adversarial_weight
        Weight of the objective after the ramp, beside the mean squared reconstruction error; 0 for no adversary.
    warmup, ramp_length
        Share of the training without adversary, and share over which its weight rises linearly. An adversary that is on
        before the LDR tells one brain from another keeps it from ever doing so.
    classifier_steps, classifier_rate, classifier_hidden
        Steps of the classifier a batch, its learning rate, units of its hidden layers.
    style_dim, style_weight
        Length of the style code; weight of its site loss.
    memory_batches
        Number of past batches whose LDRs the classifier sees beside the present one.
    centre_batches
        Whether it sees the LDRs of each batch relative to the batch's mean, which wanders from batch to batch.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks
        See :class:`benchmark.methods.autoencoding.AutoencodingModule`.

    Raises
    ------
    MethodError
        If ``warmup`` is not in [0, 1) or a weight is negative.
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
        memory_batches: int = 15,
        centre_batches: bool = True,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
        blocks: BuildingBlocks = BuildingBlocks(),  # noqa: B008 (frozen; the default shows in --print_config)
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from, blocks)
        if not 0 <= warmup < 1:
            raise MethodError(f"warmup: {warmup} is not allowed; it must be a share of the training in [0, 1)")
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
        self.memory_batches = memory_batches
        self.centre_batches = centre_batches
        for name in ("adversarial_weight", "style_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise MethodError(f"{name}: {getattr(self, name)} is not allowed; it must be at least 0")
        self.memory = LDRMemory(memory_batches, centred=centre_batches)
        self.classifier: DomainClassifier | None = None

    def build(self, spec: DataSpec) -> None:
        """Create encoder, decoder, style encoder and, where there is an adversary, domain classifier."""
        super().build(spec)
        self.style = StyleEncoder(self.style_dim, len(spec.sites))
        if self.adversarial_weight:
            self.classifier = DomainClassifier(self.ldr_dim, len(spec.sites), self.classifier_hidden)
        self.memory.batches = self.memory_batches * self.compute.accumulate

    def configure_optimizers(self) -> list[Optimizer]:
        """Adam of everything but the classifier; Adam of the classifier."""
        opponent = set() if self.classifier is None else set(self.classifier.parameters())
        optimizers = [self.adam([one for one in self.parameters() if one not in opponent], self.learning_rate)]
        if self.classifier is not None:
            optimizers.append(self.adam(self.classifier.parameters(), self.classifier_rate))
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
        optimizers = self.optimizers()
        main = optimizers[0] if isinstance(optimizers, list) else optimizers
        volume, site = batch["volume"], batch["site"]
        latent, between_views = self.encode_with_views(batch)
        first, last = self.place_in_step(batch_idx)
        losses = {"views": between_views}
        adversarial = latent.new_zeros(())
        if self.classifier is not None:
            # Over all ranks' batches and the last few, so that the adversary does not see a handful of scans.
            ldrs, sites = self.memory.extend(self.gathered(latent), self.gathered(site))
            opponent = cast(list[LightningOptimizer], optimizers)[1]
            losses["domain"] = self._train_classifier(
                ldrs.detach(), sites, opponent, self.classifier_steps if last else 0
            )
            with torch.autocast(volume.device.type, enabled=False):
                adversarial = self._adversarial_loss(ldrs, sites, self.trainer.world_size * len(latent))
            losses["adversarial"] = adversarial

        style = self.style(volume)
        # The reconstruction must not reach into the style encoder: it would let anatomy into the code.
        reconstruction = reconstruction_loss(self.decode(latent, style.detach()), volume)
        style_site = functional.cross_entropy(self.style.site(style), site)
        pressure = ramp(self.progress, self.warmup, self.ramp_length)
        loss = reconstruction + between_views + self.style_weight * style_site
        loss = loss + pressure * self.adversarial_weight * adversarial
        self._step(main, loss / self.compute.accumulate, first, last)
        self.log_losses(batch, latent, reconstruction=reconstruction, style_site=style_site, **losses)

    def _train_classifier(self, ldr: Tensor, site: Tensor, optimizer: LightningOptimizer, steps: int) -> Tensor:
        loss = ldr.new_zeros(())
        for _ in range(steps):
            loss = functional.cross_entropy(self._classifier(ldr), site)
            self._step(optimizer, loss)
        return loss

    def _adversarial_loss(self, ldrs: Tensor, sites: Tensor, new: int) -> Tensor:
        # The kept LDRs only take part in the classifier's normalisation; the loss is of the new ones.
        if self.objective == "reversal":
            logits = self._classifier(reverse_gradient(ldrs, 1.0))[-new:]
            return functional.cross_entropy(logits, sites[-new:])
        return confusion_loss(self._classifier(ldrs)[-new:])

    def _classifier(self, ldr: Tensor) -> Tensor:
        logits: Tensor = cast(DomainClassifier, self.classifier)(ldr)
        return logits

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

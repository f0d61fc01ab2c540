"""Unlearning of the site by three steps in turn, with age as the task."""

from __future__ import annotations

from typing import Any, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_
from torch.optim import Optimizer

from baselines.encoder_only import EncoderOnly
from baselines.memory import Memory
from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.domain import DomainClassifier
from benchmark.methods.errors import MethodError
from benchmark.methods.objectives import confusion_loss
from benchmark.methods.representation import AVERAGE_FROM, Batch


class Unlearning(EncoderOnly):
    """Encoder that tells age, and a domain classifier no site (Dinsdale et al., NeuroImage 2021).

    A batch has three steps, each with an Adam of its own: encoder and regressor learn age; the domain classifier learns
    the site; the encoder learns to confuse the classifier. The third is left out in the first stage of the training.

    Departures from the paper: the encoder is the suite's; the classifier is, too, with its normalised input, takes
    several steps a batch, on detached LDRs in the first stage as well, and sees those of the last few batches (see
    :class:`baselines.memory.Memory`); the third step has a learning rate of its own in place of the paper's weight of
    its loss, which Adam does not feel, and the three fall along the suite's cosine.

    Parameters
    ----------
    first_stage
        Share of the training without the third step; the paper's code has a third of its epochs.
    confusion_rate
        Learning rate of the third step.
    classifier_steps, classifier_rate, classifier_hidden
        Steps of the classifier a batch, its learning rate, units of its hidden layers.
    regressor_hidden
        Units of the regressor's hidden layer.
    memory_batches
        Number of past batches whose LDRs the classifier sees beside the present one.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`; ``learning_rate`` is that of encoder and regressor.

    Raises
    ------
    MethodError
        If ``first_stage`` is not in [0, 1], or, when training starts, no training scan has an age.
    """

    age_mean: Tensor
    age_deviation: Tensor

    def __init__(
        self,
        first_stage: float = 1 / 3,
        confusion_rate: float = 1e-4,
        classifier_steps: int = 3,
        classifier_rate: float = 2e-3,
        classifier_hidden: int = 64,
        regressor_hidden: int = 32,
        memory_batches: int = 7,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from)
        if not 0 <= first_stage <= 1:
            raise MethodError(f"first_stage: {first_stage} is not allowed; it must be a share of training in [0, 1]")
        # Three optimisers take turns within a batch, which automatic optimisation cannot do.
        self.automatic_optimization = False
        self.first_stage = first_stage
        self.confusion_rate = confusion_rate
        self.classifier_steps = classifier_steps
        self.classifier_rate = classifier_rate
        self.classifier_hidden = classifier_hidden
        self.regressor_hidden = regressor_hidden
        self.memory_batches = memory_batches
        self.memory = Memory(memory_batches)

    def build(self, spec: DataSpec) -> None:
        """Create encoder, regressor and domain classifier."""
        super().build(spec)
        self.memory.batches = self.memory_batches * self.compute.accumulate
        self.regressor = nn.Sequential(
            nn.Linear(self.ldr_dim, self.regressor_hidden), nn.ReLU(), nn.Linear(self.regressor_hidden, 1)
        )
        self.classifier = DomainClassifier(self.ldr_dim, len(spec.sites), self.classifier_hidden)
        self.register_buffer("age_mean", torch.zeros(()))
        self.register_buffer("age_deviation", torch.zeros(()))

    def on_fit_start(self) -> None:
        """Lightning hook: take mean and SD of the training scans' ages, in which the regressor counts."""
        if self.age_deviation > 0:
            return
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        ages = torch.cat([batch["age"] for batch in data.split_dataloader("train")]).double()
        ages = ages[~ages.isnan()]
        if not len(ages):
            raise MethodError("Unlearning: no training scan has an age, which is its task; give ages in the manifest")
        self.age_mean.copy_(ages.mean())
        # Scans that are all of one age have a deviation of 0.
        self.age_deviation.copy_(ages.std(correction=0).clamp_min(1e-3))

    def configure_optimizers(self) -> list[Optimizer]:
        """Adam of encoder and regressor, of the classifier, and of the encoder against it."""
        optimizers = [
            self.adam([*self.encoder.parameters(), *self.regressor.parameters()], self.learning_rate),
            self.adam(self.classifier.parameters(), self.classifier_rate),
            self.adam(self.encoder.parameters(), self.confusion_rate),
        ]
        for optimizer in optimizers:
            # At the step itself: only there have gradients of 16-bit training their own scale again.
            optimizer.register_step_pre_hook(self._clip)
        return optimizers

    def _clip(self, optimizer: Optimizer, *_: Any) -> None:
        clip_grad_norm_([one for group in optimizer.param_groups for one in group["params"]], self.gradient_clip)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """Step of encoder and regressor, then of the classifier, then of the encoder against it."""
        main, opponent, confusion = cast(list[LightningOptimizer], self.optimizers())
        first, last = self.place_in_step(batch_idx)
        ldr = self.embed(batch)
        age = self._age_loss(ldr, batch["age"])
        self._step(main, age / self.compute.accumulate, first, last)

        confusing = last and self.progress >= self.first_stage
        # The encoder has moved: there is no way back through the weights it had.
        new = self.gathered(self.embed(batch) if confusing else ldr.detach())
        ldrs, sites = self.memory.extend(new, self.gathered(batch["site"]))
        domain, confused = new.new_zeros(()), new.new_zeros(())
        for _ in range(self.classifier_steps if last else 0):
            domain = functional.cross_entropy(self.classifier(ldrs.detach()), sites)
            self._step(opponent, domain)
        if confusing:
            # The kept LDRs only take part in the classifier's normalisation; the loss is of the new ones.
            confused = confusion_loss(self.classifier(ldrs)[-len(new) :])
            self._step(confusion, confused)
        self.log_losses(ldr, age=age, domain=domain, confusion=confused)

    def _age_loss(self, ldr: Tensor, age: Tensor) -> Tensor:
        """Mean squared error in variances of age, over the scans of all processes whose age is known."""
        predicted = self.gathered(at_least_single(self.regressor(ldr)[:, 0]))
        wanted = self.gathered((age - self.age_mean) / self.age_deviation)
        known = ~wanted.isnan()
        return (predicted - wanted)[known].square().sum() / known.sum().clamp_min(1)

    def _step(self, optimizer: LightningOptimizer, loss: Tensor, first: bool = True, last: bool = True) -> None:
        if first:
            optimizer.zero_grad()
        self.manual_backward(loss)
        if last:
            optimizer.step()

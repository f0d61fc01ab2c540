"""Group distributionally robust optimisation: the groups that are told worst count most."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from baselines.supervised import DIAGNOSES, UNKNOWN, Classifying
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import AVERAGE_FROM, Batch


class GroupDRO(Classifying):
    """Classifier of the diagnosis whose worst group of site and diagnosis is to be good (Sagawa et al., ICLR 2020).

    The loss is the sum over groups of a weight times the group's mean cross-entropy, and the weights are moved by
    exponentiated gradient: each is multiplied by exp(step × loss of the group in this batch), then all are divided by
    their sum. A diagnosis that stands for its site, as where one site has most of the patients, then fails in the
    groups where it does not, and these grow.

    Departures from the paper: averaged weights and a falling learning rate, as every method of the suite, take the
    place of strong weight decay or early stopping; there is no adjustment by the size of groups.

    Parameters
    ----------
    step
        Of the exponentiated gradient; the paper's by default. 0 leaves all groups with equal weights.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.

    Raises
    ------
    MethodError
        If ``step`` is negative.
    """

    group_weights: Tensor

    def __init__(
        self,
        step: float = 0.01,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from)
        if not step >= 0:
            raise MethodError(f"step: {step} is not allowed; it must be at least 0")
        self.step = step

    def build(self, spec: DataSpec) -> None:
        """Create encoder, classifier and the groups' weights, site by site."""
        super().build(spec)
        self.register_buffer("group_weights", torch.zeros(len(spec.sites) * len(DIAGNOSES)))

    def on_fit_start(self) -> None:
        """Lightning hook: read the diagnoses, and give every group with a training scan the same weight."""
        super().on_fit_start()
        if self.codes is None or self.spec is None or self.group_weights.sum() > 0:
            # A resumed training goes on with the weights that it had.
            return
        scans = self.trainer.datamodule.scans  # type: ignore[attr-defined]
        for row in torch.nonzero(self.codes != UNKNOWN)[:, 0].tolist():
            site = self.spec.sites.index(scans["site"].iloc[row])
            self.group_weights[site * len(DIAGNOSES) + self.codes[row]] = 1.0
        self.group_weights /= self.group_weights.sum()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Weighted sum of the groups' losses over the scans of all processes, after a step of the weights."""
        ldr = self.embed(batch)
        ldrs, codes, sites = self.labelled(ldr, batch)
        losses = self.cross_entropies(ldrs, codes)
        member = functional.one_hot(sites * len(DIAGNOSES) + codes, len(self.group_weights)).to(losses)
        of_groups = losses @ member / member.sum(dim=0).clamp_min(1)
        with torch.no_grad():
            self.group_weights *= torch.exp(self.step * of_groups)
            self.group_weights /= self.group_weights.sum()
        # A copy: the next batch moves the weights in place.
        loss = (self.group_weights.clone() * of_groups).sum()
        self.log_losses(ldr, weighted=loss, worst=of_groups.max())
        return loss

"""Base of methods that train with the diagnoses of the training scans."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from baselines.encoder_only import EncoderOnly
from benchmark.methods.compute import at_least_single
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import Batch

#: The diagnoses that a manifest may have; a scan's code is its place among them.
DIAGNOSES = ("CN", "MCI", "AD", "PD", "SWEDD", "PRODROMAL", "OTHER")
#: Code of a scan whose diagnosis is not known, or is not of the training split and so never read.
UNKNOWN = -1


class Supervised(EncoderOnly):
    """The shared encoder, and the diagnoses of the training scans, whichever site they are of.

    A batch holds no diagnosis. Those of scans of the training split, and of no others, are read from the datamodule's
    table of scans when the fit starts. A scan without a diagnosis has no supervised loss.

    Parameters
    ----------
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.

    Raises
    ------
    MethodError
        If the training scans have fewer than two diagnoses, when the fit starts.
    """

    #: Code of each row of the scans table, int64, shape (scan,); a fit's own, so part of no checkpoint.
    codes: Tensor | None = None

    def on_fit_start(self) -> None:
        """Lightning hook: read the diagnoses of the training scans."""
        scans: Any = self.trainer.datamodule.scans  # type: ignore[attr-defined]
        training = (scans["split"] == "train").to_numpy()
        given = scans.loc[training, "diagnosis"].fillna("").tolist()
        codes = torch.full((len(scans),), UNKNOWN)
        codes[torch.as_tensor(training)] = torch.tensor([DIAGNOSES.index(one) if one else UNKNOWN for one in given])
        known = [one for one in DIAGNOSES if one in given]
        if len(known) < 2:
            raise MethodError(
                f"{type(self).__name__}: it needs two diagnoses at least among the training scans, which have "
                f"{len(known)} ({', '.join(known) or 'none'}); give them in the manifests"
            )
        self.codes = codes

    def labelled(self, ldr: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The scans of all processes' batches whose diagnosis is known.

        Returns
        -------
        ldrs, codes, sites
            LDRs (scan, ldr_dim), which may be of no scan; codes of their diagnoses and indices of their sites,
            shape (scan,) each.
        """
        if self.codes is None:
            raise MethodError(f"{type(self).__name__} has read no diagnoses: its fit has not started")
        ldrs, rows, sites = (self.gathered(each) for each in (ldr, batch["index"], batch["site"]))
        codes = self.codes.to(rows.device)[rows]
        known = codes != UNKNOWN
        return ldrs[known], codes[known], sites[known]

    def configure_optimizers(self) -> Optimizer:
        """One Adam for everything."""
        return self.adam(self.parameters(), self.learning_rate)


class Classifying(Supervised):
    """A linear classifier of the diagnosis behind the LDR, which takes part in training alone.

    Parameters
    ----------
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.
    """

    def build(self, spec: DataSpec) -> None:
        """Create encoder and classifier."""
        super().build(spec)
        self.classifier_of_diagnosis = nn.Linear(self.ldr_dim, len(DIAGNOSES))

    def cross_entropies(self, ldrs: Tensor, codes: Tensor) -> Tensor:
        """Cross-entropy of each scan (scan,), among the diagnoses that training scans have, from LDRs and codes."""
        if self.codes is None:
            raise MethodError(f"{type(self).__name__} has read no diagnoses: its fit has not started")
        logits = at_least_single(self.classifier_of_diagnosis(ldrs))
        absent = torch.isin(torch.arange(len(DIAGNOSES)), self.codes, invert=True)
        return functional.cross_entropy(
            logits.masked_fill(absent.to(logits.device), -torch.inf), codes, reduction="none"
        )


def mean_of(losses: Tensor) -> Tensor:
    """Mean of losses (scan,), a scalar; 0 of none."""
    return losses.sum() / max(len(losses), 1)

"""Probe curves: how well site and diagnosis can be read from the LDR while a method trains."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning import Callback, LightningModule, Trainer

from benchmark.errors import UserError
from benchmark.metrics.feature_scaling import transform
from benchmark.metrics.folds import design
from benchmark.metrics.probes import class_recalls, out_of_fold
from benchmark.seeds import generator
from benchmark.train.tracking.undisturbed import batches_of, forward, undisturbed

FOLDS = 5


class ProbeCurves(Callback):
    """Log the balanced accuracy of linear probes for site and diagnosis every few epochs.

    As ``probe/site`` and ``probe/diagnosis``: logistic regression on the standardised LDR, cross-validated with
    subjects kept together, over validation scans where there are enough, else over training scans. Test scans are
    never looked at, and the training goes on as if nobody had looked. A curve is for watching a training; what the
    tables say comes from scans that no training has seen, and from more than one probe.

    Parameters
    ----------
    every
        Epochs between two points; the last epoch has one in any case.
    scans
        Most scans that are embedded, drawn by whole subjects.

    Raises
    ------
    UserError
        For a number that is not positive.
    """

    def __init__(self, every: int = 5, scans: int = 500) -> None:
        for name, value in (("every", every), ("scans", scans)):
            if value < 1:
                raise UserError(f"ProbeCurves: {name} {value} is not allowed; it must be an integer >= 1")
        self.every = every
        self.scans = scans

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning hook: one point of the curves."""
        epoch = trainer.current_epoch + 1
        if not trainer.is_global_zero or (epoch % self.every and epoch != trainer.max_epochs):
            return
        table = trainer.datamodule.scans  # type: ignore[attr-defined]
        rows = probed_rows(table, self.scans)
        # Of a method that is finished only after its epochs, what it has until then.
        module: Any = pl_module
        embed = getattr(module, "embed_in_training", None) or module.embed
        with undisturbed(pl_module), forward(trainer):
            ldr = [embed(batch).float().cpu() for batch in batches_of(trainer, rows.tolist(), 32)]
        scores = probe_scores(torch.cat(ldr).numpy().astype(np.float64), table.iloc[rows])
        pl_module.log_dict(scores, rank_zero_only=True)


def probed_rows(scans: pd.DataFrame, most: int) -> npt.NDArray[np.int64]:
    """Rows of validation scans, or of training scans where those are too few; whole subjects, at most about ``most``.

    Parameters
    ----------
    scans
        The scans table, with ``split`` and ``subject_id``.
    most
        Scans that are enough: subjects are drawn until there are as many.
    """
    for split in ("val", "train"):
        rows = np.flatnonzero((scans["split"] == split).to_numpy())
        subjects = scans["subject_id"].to_numpy(str)[rows]
        names = np.unique(subjects)
        if split == "train" or len(names) >= 10 * FOLDS:
            break
    counts = pd.Series(subjects).value_counts()
    order = generator("probe curves", len(names)).permutation(names)
    drawn = order[: int(np.searchsorted(np.cumsum(counts[order].to_numpy()), most)) + 1]
    chosen: npt.NDArray[np.int64] = rows[np.isin(subjects, drawn)]
    return chosen


def probe_scores(ldr: npt.NDArray[np.float64], scans: pd.DataFrame) -> dict[str, float]:
    """Balanced accuracies of linear probes, those that are defined.

    Parameters
    ----------
    ldr
        Shape (scans, dimensions).
    scans
        Rows of the scans table: ``site``, ``diagnosis``, ``subject_id``; a scan without diagnosis is not asked for it.
    """
    found: dict[str, float] = {}
    for column in ("site", "diagnosis"):
        labels = scans[column].fillna("").to_numpy(str)
        known = labels != ""
        vectors = ldr[known]
        if not known.any() or not np.isfinite(vectors).all():
            continue
        asked = design(labels[known], scans["subject_id"].to_numpy(str)[known], FOLDS, 0, 0)
        features = transform(vectors, vectors, "standardised")
        if asked.truth is None or not features.shape[1]:
            continue
        predicted = out_of_fold(features, asked.truth, "linear", 10, 0)
        found[f"probe/{column}"] = float(class_recalls(asked.truth.codes, predicted).mean())
    return found

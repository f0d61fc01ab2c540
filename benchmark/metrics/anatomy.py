"""Anatomy: how much of a phantom's true brain can be read from an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.metrics.age import undecodable
from benchmark.metrics.arrays import ScanOptions, arrays_of, numbers, scans_of
from benchmark.metrics.decoding import predicted_values
from benchmark.metrics.estimate import Estimate
from benchmark.metrics.feature_scaling import transform
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, at_most, seen
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

R2 = Metric("anatomy", "r2", version=1, higher_is_better=True, lowest=-math.inf)

#: Prefix of the columns that hold true anatomy.
PREFIX = "anatomy_"


@reproducible()
def explained_variance(
    ldr: npt.ArrayLike, target: npt.ArrayLike, *, folds: int = 5, **options: Unpack[ScanOptions]
) -> Estimate:
    """Share of the variance of a number, such as a true anatomical parameter, that ridge regression on LDRs explains.

    R² = 1 - Σ(y - ŷ)² / Σ(y - mean of the training part)² over the scans, y the number and ŷ its out-of-fold
    prediction by ridge regression (Hoerl & Kennard, Technometrics 1970) on LDRs of shape (scans, dimensions), subjects
    kept together, standardised coordinates. At most 1, without a lower bound; higher is better; 0, which is chance, for
    predicting the mean, below 0 for worse. A linear probe (Alain & Bengio 2017) of what the phantom knows to be there:
    that it is read against a phantom's truth is ours.

    Parameters
    ----------
    ldr, **options
        As for :func:`benchmark.metrics.arrays.scans_of`.
    target
        Shape (n_scans,).
    folds
        As for :class:`benchmark.metrics.settings.EvaluationSettings`.

    Returns
    -------
    Estimate
        n in scans; NaN with a note for fewer than ten subjects, a number that does not vary or is unknown of some
        scans, or a constant LDR.
    """
    scans = scans_of(ldr, **options)
    values = numbers("target", target, len(scans))[scans.other["row"]]
    features = transform(scans.ldr, scans.reference, "standardised")
    note = undecodable(scans, features, values) if np.isfinite(values).all() else "some values are unknown"
    if note:
        return Estimate(math.nan, len(scans), chance=0.0, note=note)
    predicted, mean = predicted_values(features, values, codes_of(scans.subject), EvaluationSettings(folds=folds).folds)
    r2 = 1 - float(np.square(values - predicted).sum() / np.square(values - mean).sum())
    return Estimate(r2, len(scans), chance=0.0)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`explained_variance`, one a parameter (columns ``anatomy_...``)."""
    part = at_most(scans, settings.probe_scans, settings.seed)
    found = []
    for name in (str(name) for name in scans.other if str(name).startswith(PREFIX)):
        target = pd.to_numeric(part.other[name], errors="coerce").to_numpy(np.float64)
        r2 = explained_variance(part.ldr, target, folds=settings.folds, **arrays_of(part))
        told = {"target": name.removeprefix(PREFIX), **seen(scans, part)}
        found.append(r2.score(R2, key_values(coordinates="standardised", probe="ridge", **told)))
    return found

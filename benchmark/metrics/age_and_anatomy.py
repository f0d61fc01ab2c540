"""Age, and a phantom's true anatomy: how well they can be read from an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.metrics.arrays import SubjectOptions, numbers, options_of, scans_of
from benchmark.metrics.bootstrap import REGRESSION, bounded_interval, mean_replicates
from benchmark.metrics.decoding import predicted_values
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans, sampled
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

MAE = Metric("age", "mae_years", version=2, higher_is_better=False, highest=math.inf)
R2 = Metric("anatomy", "r2", version=1, higher_is_better=True, lowest=-math.inf)

#: Prefix of the columns that hold true anatomy.
PREFIX = "anatomy_"


@reproducible()
def age_error(
    ldr: npt.ArrayLike,
    age: npt.ArrayLike,
    *,
    site: npt.ArrayLike | None = None,
    **options: Unpack[SubjectOptions],
) -> Estimate:
    """Mean absolute error in years of ridge regression of age on the LDR, standardised coordinates.

    MAE = 1/n Σ |ŷ - y| over the n scans of known age y, of LDRs of shape (scans, dimensions); ŷ is out of fold,
    subjects kept together, from ridge regression (Hoerl & Kennard, Technometrics 1970) whose penalty is chosen within
    the training part. In [0, ∞), lower is better; chance is the error of predicting the training part's mean age. The
    measure is that of brain-age studies (Cole & Franke, Trends in Neurosciences 2017). Interval over resamples of
    subjects within sites, with predictions as they are.

    Returns
    -------
    Estimate
        n in scans with a known age; NaN with a note for fewer than ten subjects, one age, or a constant LDR.
    """
    scans, settings = scans_of(ldr, site=site, age=age, **options)
    part = scans.where(np.isfinite(scans.age))
    predicted, mean, note = predicted_values(part, part.age, settings.folds)
    if note:
        return Estimate(math.nan, len(part), note=note)
    error, one_group = np.abs(predicted - part.age), np.full(len(part), "all")
    draws = (settings.bootstrap, settings.seed)
    replicates = mean_replicates(error, part.subject, part.site, *draws, one_group, REGRESSION)
    interval = bounded_interval(replicates, highest=math.inf)
    chance = float(np.abs(mean - part.age).mean())
    return Estimate(float(error.mean()), len(part), chance, *interval, replicates=replicates)


@reproducible()
def explained_variance(ldr: npt.ArrayLike, target: npt.ArrayLike, **options: Unpack[SubjectOptions]) -> Estimate:
    """Share of the variance of a number, such as a true anatomical parameter, that ridge regression on LDRs explains.

    R² = 1 - Σ(y - ŷ)² / Σ(y - mean of the training part)² over the scans, y the number, of shape (n_scans,), and ŷ its
    out-of-fold prediction by ridge regression (Hoerl & Kennard, Technometrics 1970) on LDRs of shape (scans,
    dimensions), subjects kept together, standardised coordinates. At most 1, without a lower bound; higher is better;
    0, which is chance, for predicting the mean, below 0 for worse. A linear probe (Alain & Bengio 2017) of what the
    phantom knows to be there: that it is read against a phantom's truth is ours.

    Returns
    -------
    Estimate
        n in scans; NaN with a note for fewer than ten subjects, a number that does not vary or is unknown of some
        scans, or a constant LDR.
    """
    scans, settings = scans_of(ldr, **options)
    values = numbers("target", target, len(scans))[scans.other["row"]]
    if not np.isfinite(values).all():
        return Estimate(math.nan, len(scans), chance=0.0, note="some values are unknown")
    predicted, mean, note = predicted_values(scans, values, settings.folds)
    r2 = math.nan if note else 1 - float(np.square(values - predicted).sum() / np.square(values - mean).sum())
    return Estimate(r2, len(scans), chance=0.0, note=note)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Row of :func:`age_error`, and one of :func:`explained_variance` for each parameter (columns ``anatomy_...``)."""
    how = {"coordinates": "standardised", "probe": "ridge"}
    part, told = sampled(scans.where(np.isfinite(scans.age)), settings)
    error = age_error(part.ldr, part.age, site=part.site, **options_of(part, settings))
    found = [error.score(MAE, how | told)]
    part, told = sampled(scans, settings)
    for name in (str(name) for name in scans.other if str(name).startswith(PREFIX)):
        target = pd.to_numeric(part.other[name], errors="coerce").to_numpy(np.float64)
        r2 = explained_variance(part.ldr, target, **options_of(part, settings))
        found.append(r2.score(R2, {**how, "target": name.removeprefix(PREFIX), **told}))
    return found

"""Age: how well it can be read from an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import ScanOptions, arrays_of, scans_of
from benchmark.metrics.bootstrap import REGRESSION, bounded_interval, mean_replicates
from benchmark.metrics.decoding import predicted_values
from benchmark.metrics.estimate import Estimate
from benchmark.metrics.feature_scaling import transform, unreadable
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, at_most, seen
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

Array = npt.NDArray[Any]

MAE = Metric("age", "mae_years", version=2, higher_is_better=False, highest=math.inf)


@reproducible()
def age_error(
    ldr: npt.ArrayLike,
    age: npt.ArrayLike,
    *,
    site: npt.ArrayLike | None = None,
    folds: int = 5,
    bootstrap: int = 1000,
    seed: int = 0,
    **options: Unpack[ScanOptions],
) -> Estimate:
    """Mean absolute error in years of ridge regression of age on the LDR, standardised coordinates.

    MAE = 1/n Σ |ŷ - y| over the n scans of known age y, of LDRs of shape (scans, dimensions); ŷ is out of fold,
    subjects kept together, from ridge regression (Hoerl & Kennard, Technometrics 1970) whose penalty is chosen within
    the training part. In [0, ∞), lower is better; chance is the error of predicting the training part's mean age. The
    measure is that of brain-age studies (Cole & Franke, Trends in Neurosciences 2017). Interval over resamples of
    subjects, with predictions as they are.

    Parameters
    ----------
    ldr, age, site, **options
        As for :func:`benchmark.metrics.arrays.scans_of`; subjects are resampled within sites.
    folds, bootstrap, seed
        As for :class:`benchmark.metrics.settings.EvaluationSettings`.

    Returns
    -------
    Estimate
        n in scans with a known age; NaN with a note for fewer than ten subjects, one age, or a constant LDR.
    """
    settings = EvaluationSettings(folds=folds, bootstrap=bootstrap, seed=seed)
    scans = scans_of(ldr, site=site, age=age, **options)
    part = scans.where(np.isfinite(scans.age))
    features = transform(part.ldr, part.reference, "standardised")
    note = undecodable(part, features, part.age)
    if note:
        return Estimate(math.nan, len(part), note=note)
    predicted, mean = predicted_values(features, part.age, codes_of(part.subject), settings.folds)
    error = np.abs(predicted - part.age)
    one_group = np.full(len(part), "all")
    replicates = mean_replicates(
        error[:, None], part.subject, part.site, settings.bootstrap, settings.seed, one_group, REGRESSION
    )[:, 0]
    low, high = bounded_interval(replicates, highest=math.inf)
    chance = float(np.abs(mean - part.age).mean())
    return Estimate(float(error.mean()), len(part), chance, low, high, replicates=replicates)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Row of :func:`age_error` of the scans of known age."""
    every = scans.where(np.isfinite(scans.age))
    part = at_most(every, settings.probe_scans, settings.seed)
    how = {"folds": settings.folds, "bootstrap": settings.bootstrap, "seed": settings.seed, **arrays_of(part)}
    params = key_values(coordinates="standardised", probe="ridge", **seen(every, part))
    return [age_error(part.ldr, part.age, site=part.site, **how).score(MAE, params)]


def undecodable(scans: Scans, features: Array, target: Array) -> str:
    """Why a number cannot be regressed on LDRs; empty if it can."""
    subjects = len(np.unique(scans.subject))
    if subjects < 10:
        return f"{subjects} subjects with a known value; at least 10 are needed"
    if np.ptp(target) == 0:
        return "every scan has the same value"
    return unreadable(scans.ldr, features)

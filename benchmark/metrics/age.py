"""Age: how well it can be read from an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import SubjectOptions, options_of, scans_of
from benchmark.metrics.bootstrap import REGRESSION, bounded_interval, mean_replicates
from benchmark.metrics.decoding import predicted_values
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans, sampled
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

MAE = Metric("age", "mae_years", version=2, higher_is_better=False, highest=math.inf)


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


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Row of :func:`age_error` of the scans of known age."""
    part, told = sampled(scans.where(np.isfinite(scans.age)), settings)
    error = age_error(part.ldr, part.age, site=part.site, **options_of(part, settings))
    return [error.score(MAE, {"coordinates": "standardised", "probe": "ridge", **told})]

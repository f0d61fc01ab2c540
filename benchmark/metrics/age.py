"""Age: how well it can be read from an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import REGRESSION, bounded_interval, mean_replicates
from benchmark.metrics.decoding import predicted_values
from benchmark.metrics.feature_scaling import transform, unreadable
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, at_most
from benchmark.metrics.settings import EvaluationSettings

Array = npt.NDArray[Any]

MAE = Metric("age", "mae_years", version=2, higher_is_better=False, highest=math.inf)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Mean absolute error in years of ridge regression of age on the LDR, standardised coordinates.

    MAE = 1/n Σ |ŷ - y| over the n scans of known age y, of LDRs of shape (scans, dimensions); ŷ is out of fold,
    subjects kept together, from ridge regression (Hoerl & Kennard, Technometrics 1970) whose penalty is chosen within
    the training part. In [0, ∞), lower is better; chance is the error of predicting the training part's mean age. The
    measure is that of brain-age studies (Cole & Franke, Trends in Neurosciences 2017). Interval over resamples of
    subjects, with predictions as they are.

    Returns
    -------
    list of Score
        One; n in scans with a known age; NaN with a reason for fewer than ten subjects, one age, or a constant LDR.
    """
    known = np.isfinite(scans.age)
    part = at_most(scans.where(known), settings.probe_scans, settings.seed)
    features = transform(part.ldr, part.reference, "standardised")
    more = {} if scans.reference_is_train else {"statistics": "all"}
    if len(part) < int(known.sum()):
        more["scans"] = str(len(part))
    params = key_values(coordinates="standardised", probe="ridge", **more)
    reason = undecodable(part, features, part.age)
    if reason:
        return [Score(MAE, params, math.nan, len(part), reason=reason)]
    predicted, mean = predicted_values(features, part.age, codes_of(part.subject), settings.folds)
    error = np.abs(predicted - part.age)
    one_group = np.full(len(part), "all")
    replicates = mean_replicates(
        error[:, None], part.subject, part.site, settings.bootstrap, settings.seed, one_group, REGRESSION
    )[:, 0]
    low, high = bounded_interval(replicates, highest=math.inf)
    chance = float(np.abs(mean - part.age).mean())
    return [
        Score(
            MAE,
            params,
            float(error.mean()),
            len(part),
            ci_low=low,
            ci_high=high,
            chance=chance,
            replicates=replicates,
        )
    ]


def undecodable(scans: Scans, features: Array, target: Array) -> str:
    """Why a number cannot be regressed on LDRs; empty if it can."""
    subjects = len(np.unique(scans.subject))
    if subjects < 10:
        return f"{subjects} subjects with a known value; at least 10 are needed"
    if np.ptp(target) == 0:
        return "every scan has the same value"
    return unreadable(scans.ldr, features)

"""Anatomy: how much of a phantom's true brain can be read from an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmark.metrics.age import undecodable
from benchmark.metrics.decoding import predicted_values
from benchmark.metrics.feature_scaling import transform
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, at_most
from benchmark.metrics.settings import EvaluationSettings

R2 = Metric("anatomy", "r2", version=1, higher_is_better=True, lowest=-math.inf)

#: Prefix of the columns that hold true anatomy.
PREFIX = "anatomy_"


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Share of the variance of each true anatomical parameter that ridge regression on the LDR explains.

    R² = 1 - Σ(y - ŷ)² / Σ(y - mean of the training part)² over the scans, y the parameter and ŷ its out-of-fold
    prediction by ridge regression (Hoerl & Kennard, Technometrics 1970) on LDRs of shape (scans, dimensions), subjects
    kept together, standardised coordinates. At most 1, without a lower bound; higher is better; 0, which is chance, for
    predicting the mean, below 0 for worse. A linear probe (Alain & Bengio 2017) of what the phantom knows to be there:
    that it is read against a phantom's truth is ours.

    Returns
    -------
    list of Score
        One a parameter (columns ``anatomy_...``), none where the embeddings have no such column; n in scans; NaN with a
        reason for fewer than ten subjects, a parameter that does not vary, or a constant LDR.
    """
    names = [str(name) for name in scans.other if str(name).startswith(PREFIX)]
    part = at_most(scans, settings.probe_scans, settings.seed)
    features = transform(part.ldr, part.reference, "standardised")
    found = []
    for name in names:
        target = pd.to_numeric(part.other[name], errors="coerce").to_numpy(np.float64)
        more = {} if scans.reference_is_train else {"statistics": "all"}
        if len(part) < len(scans):
            more["scans"] = str(len(part))
        params = key_values(coordinates="standardised", probe="ridge", target=name.removeprefix(PREFIX), **more)
        reason = "some values are unknown" if not np.isfinite(target).all() else undecodable(part, features, target)
        value = math.nan
        if not reason:
            predicted, mean = predicted_values(features, target, codes_of(part.subject), settings.folds)
            value = 1 - float(np.square(target - predicted).sum() / np.square(target - mean).sum())
        found.append(Score(R2, params, value, len(part), reason=reason, chance=0.0))
    return found

"""Disease: how well a linear probe tells CN from AD."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.metrics.coordinates import transform
from benchmark.metrics.folds import design
from benchmark.metrics.leakage import dropped, probe_classes, probe_params
from benchmark.metrics.rows import Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

ACCURACY = Metric("disease", "balanced_accuracy", version=1, higher_is_better=True)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Balanced accuracy of a linear probe for CN against AD over the scored scans, in standardised coordinates.

    Cross-validated with subjects kept together; chance from permuted diagnoses.

    Parameters
    ----------
    scans
        The scored scans; those of other diagnoses are left out.
    settings
        Folds, permutations, seed.

    Returns
    -------
    list of Score
        One; n in scans; NaN with a reason where there are not two subjects with each diagnosis.
    """
    part = scans.where(np.isin(scans.diagnosis, ("CN", "AD")))
    diagnoses = design(part.diagnosis, part.subject, settings.folds, settings.permutations, settings.seed)
    features = transform(part.ldr, part.reference, "standardised")
    params = probe_params(part, diagnoses.folds, "standardised", "linear", settings, label="CN/AD")
    recalls, chance, undefined = probe_classes(features, diagnoses, "linear", settings)
    value = float(recalls.mean()) if len(recalls) else math.nan
    reason = undefined or dropped(part, features.shape[1], "standardised")
    return [Score(ACCURACY, params, value, len(part), reason=reason, chance=chance)]

"""Leakage between each pair of sites."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from benchmark.metrics.feature_scaling import transform, unreadable
from benchmark.metrics.folds import design
from benchmark.metrics.ridge import balanced_accuracies, ridge_predictions
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, at_most
from benchmark.metrics.settings import EvaluationSettings

PAIR = Metric("leakage", "pair_balanced_accuracy", version=1, higher_is_better=False)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Balanced accuracy of a ridge classifier that tells two sites apart, for every pair, standardised coordinates.

    Of sites a and b: 1/2 (r_a + r_b), r being the share of a site's scans that are named right (Brodersen et al., ICPR
    2010), from the pair's LDRs, shape (scans of a and b, dimensions). Out of fold, subjects kept together; in [0, 1],
    0.5 by chance, lower is better. The overall row is the mean over pairs, missing if one is missing, as Hand & Till
    (Machine Learning 2001) take it for the area under the curve; the pairs' rows have the subgroup
    ``site_a=...;site_b=...``, both ways round, so that they fill a matrix of shape (sites, sites). Balanced accuracy in
    place of the area is our choice.

    Returns
    -------
    list of Score
        n in scans; NaN with a reason for one site, a site with one subject (so four scans a pair are the least), or a
        constant LDR.
    """
    part = at_most(scans, settings.probe_scans, settings.seed)
    features = transform(part.ldr, part.reference, "standardised")
    more = {} if scans.reference_is_train else {"statistics": "all"}
    if len(part) < len(scans):
        more["scans"] = str(len(part))
    params = key_values(coordinates="standardised", probe="ridge", **more)
    constant = unreadable(part.ldr, features)
    pairs: list[Score] = []
    for a, b in itertools.combinations(np.unique(part.site).tolist(), 2):
        here = np.isin(part.site, (a, b))
        two = design(part.site[here], part.subject[here], settings.folds, 0, settings.seed)
        reason = two.reason or constant
        value = math.nan
        if two.truth is not None and not reason:
            codes = two.truth.codes[None]
            value = float(
                balanced_accuracies(codes, ridge_predictions(features[here], codes, two.truth.pairs, 2), 2)[0]
            )
        pairs += [
            Score(PAIR, params, value, int(here.sum()), key_values(site_a=x, site_b=y), reason, chance=0.5)
            for x, y in ((a, b), (b, a))
        ]
    reasons = sorted({score.reason for score in pairs} - {""}) if pairs else ["fewer than two sites"]
    mean = math.nan if reasons else float(np.mean([score.value for score in pairs]))
    return [Score(PAIR, params, mean, len(part), reason="; ".join(reasons), chance=0.5), *pairs]

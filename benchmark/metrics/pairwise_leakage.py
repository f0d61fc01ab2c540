"""Leakage between each pair of sites."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import SubjectOptions, options_of, scans_of
from benchmark.metrics.feature_scaling import transform, unreadable
from benchmark.metrics.folds import design
from benchmark.metrics.ridge import balanced_accuracies, ridge_predictions
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans, sampled
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

PAIR = Metric("leakage", "pair_balanced_accuracy", version=1, higher_is_better=False)


@reproducible()
def pairwise_site_probe(ldr: npt.ArrayLike, site: npt.ArrayLike, **options: Unpack[SubjectOptions]) -> Estimate:
    """Balanced accuracy of a ridge classifier that tells two sites apart, mean over pairs, standardised coordinates.

    Of sites a and b: 1/2 (r_a + r_b), r being the share of a site's scans that are named right (Brodersen et al., ICPR
    2010), from the pair's LDRs, shape (scans of a and b, dimensions). Out of fold, subjects kept together; in [0, 1],
    0.5 by chance, lower is better. The value is the mean over pairs, missing if one is missing, as Hand & Till (Machine
    Learning 2001) take it for the area under the curve. Balanced accuracy in place of the area is our choice.

    Returns
    -------
    Estimate
        n in scans; parts are the pairs, ``a/b`` with a before b in the alphabet. NaN with a note for one site, a site
        with one subject (so four scans a pair are the least), or a constant LDR.
    """
    scans, settings = scans_of(ldr, site=site, **options)
    features = transform(scans.ldr, scans.reference, "standardised")
    constant = unreadable(scans.ldr, features)
    pairs = {}
    for a, b in itertools.combinations(np.unique(scans.site).tolist(), 2):
        here = np.isin(scans.site, (a, b))
        two = design(scans.site[here], scans.subject[here], settings.folds, 0, 0)
        note, value = two.reason or constant, math.nan
        if two.truth is not None and not note:
            codes = two.truth.codes[None]
            named = ridge_predictions(features[here], codes, two.truth.pairs, 2)
            value = float(balanced_accuracies(codes, named, 2)[0])
        pairs[f"{a}/{b}"] = Estimate(value, int(here.sum()), chance=0.5, note=note)
    notes = sorted({one.note for one in pairs.values()} - {""}) if pairs else ["fewer than two sites"]
    # Each pair twice, as in the rows, whose mean it is to the last bit.
    mean = math.nan if notes else float(np.mean([one.value for one in pairs.values() for _ in range(2)]))
    return Estimate(mean, len(scans), chance=0.5, note="; ".join(notes), parts=pairs)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Row of :func:`pairwise_site_probe`, then rows of the pairs, both ways round, so that they fill a matrix."""
    part, told = sampled(scans, settings)
    params = {"coordinates": "standardised", "probe": "ridge", **told}
    result = pairwise_site_probe(part.ldr, part.site, **options_of(part, settings))
    pairs = zip(itertools.combinations(np.unique(part.site).tolist(), 2), result.parts.values(), strict=True)
    both_ways = [
        pair.score(PAIR, params, site_a=one, site_b=other) for (a, b), pair in pairs for one, other in ((a, b), (b, a))
    ]
    return [result.score(PAIR, params), *both_ways]

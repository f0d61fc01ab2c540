"""Scores of the first scans of ranked lists, with their intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import Strata, bounded_interval, mean_of_site_means, means_without, replicates_of
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.left_out import effects_on_first, site_weights
from benchmark.metrics.rows import Estimate
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def mean_of_queries(
    scans: Scans,
    queries: Integers,
    nearest: Integers,
    depth: int,
    quality: Callable[[Integers, Integers, Integers], Floats],
    values: tuple[Floats, Floats],
    group: npt.NDArray[np.str_],
    settings: EvaluationSettings,
    note: str = "",
) -> Estimate:
    """Mean over groups of each group's mean over queries; interval over resamples of subjects, who query and are found.

    Parameters
    ----------
    scans
        All scans.
    queries, nearest, depth, quality
        As for :func:`benchmark.metrics.left_out.effects_on_first`.
    values
        Value and chance of each query, shape (queries,) each; NaN where undefined.
    group
        Shape (queries,), such as the query's site.
    settings
        Bootstrap and seed.
    note
        Of the estimate.

    Returns
    -------
    Estimate
        n in queries with a defined value.
    """
    value, chance = values
    strata, everyone = Strata.of(scans.subject, scans.site), np.unique(scans.subject)
    weight = site_weights(np.isfinite(value)[:, None], codes_of(group))[:, 0]
    subject = codes_of(scans.subject).astype(np.int32)
    effects = effects_on_first(nearest, queries, subject, weight, strata.stratum, depth, quality)
    mean, without = means_without(value[:, None], scans.subject[queries], group, everyone)
    both = (effects.change, effects.luck)
    replicates = replicates_of(mean, without, strata, settings.bootstrap, settings.seed, both)[:, 0]
    return Estimate(
        mean_of_site_means(value, group),
        int(np.isfinite(value).sum()),
        mean_of_site_means(chance, group),
        *bounded_interval(replicates),
        note=note,
        replicates=replicates,
    )

"""Fairness over sites: the worst site's retrieval, and how far sites are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.metrics.bootstrap import mean_of_site_means
from benchmark.metrics.retrieval import distance_params, label_sets, query_qualities
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of

WORST = Metric("retrieval", "mAP_worst_site", version=1, higher_is_better=True)
SPREAD = Metric("retrieval", "mAP_site_range", version=1, higher_is_better=False)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Lowest mean average precision of a query site, and highest minus lowest, for CN/AD in other sites' scans.

    With m_s the mean over the queries of site s of their average precision (:mod:`benchmark.metrics.retrieval`), of
    rankings of shape (queries, scans): the worst site is min_s m_s, higher is better; the range is max_s m_s - min_s
    m_s, lower is better, but 0 is also reached by a method that finds nothing anywhere. Both in [0, 1]. The lowest of
    several noisy means is lower than the lowest true one, the more so the fewer queries a site has: compare methods,
    not with chance. The lowest group as a measure of its own: Sagawa et al., ICLR 2020; of a search, over sites, it is
    ours.

    Returns
    -------
    list of Score
        Two a distance; n in sites; which site is the worst, the rows by query site say. NaN with a reason for one query
        site (two are the least), a site without a defined query, one label alone, or a distance that cannot be taken.
    """
    label = next(iter(label_sets(scans)))
    found = []
    for distance in settings.every_distance:
        params = key_values(gallery="other_sites", label=label, **distance_params(scans, distance, settings))
        quality = query_qualities(scans, check_query_sites(scans, query_sites), distance).get((label, "other_sites"))
        if quality is None or len(quality.query) == 0:
            reason = vectors_of(scans, distance).reason if quality is None else "no query"
            found += [Score(metric, params, math.nan, 0, reason=reason) for metric in (WORST, SPREAD)]
            continue
        site = scans.site[quality.query]
        names = np.unique(site)
        means = np.array([mean_of_site_means(quality.value["mAP"][site == one], site[site == one]) for one in names])
        undefined = names[~np.isfinite(means)].tolist()
        if undefined or len(names) < 2:
            missing = f"no defined query at {', '.join(undefined)}" if undefined else "fewer than two query sites"
            reason = quality.reason or missing
            found += [Score(metric, params, math.nan, len(names), reason=reason) for metric in (WORST, SPREAD)]
            continue
        found.append(Score(WORST, params, float(means.min()), len(names)))
        found.append(Score(SPREAD, params, float(means.max() - means.min()), len(names)))
    return found

"""Fairness over sites: the worst site's retrieval, and how far sites are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import mean_of_site_means
from benchmark.metrics.query_quality import QueryQuality
from benchmark.metrics.retrieval import label_sets, query_qualities
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.search import Search, SearchOptions, searches
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of
from benchmark.metrics.threads import reproducible

WORST = Metric("retrieval", "mAP_worst_site", version=1, higher_is_better=True)
SPREAD = Metric("retrieval", "mAP_site_range", version=1, higher_is_better=False)


@reproducible()
def worst_site_precision(
    ldr: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    subject: npt.ArrayLike,
    among: Sequence[str] | None = None,
    **options: Unpack[SearchOptions],
) -> tuple[Estimate, Estimate]:
    """Lowest mean average precision of a query site, and highest minus lowest, in other sites' scans.

    With m_s the mean over the queries of site s of their average precision (:mod:`benchmark.metrics.retrieval`), of
    rankings of shape (queries, scans): the worst site is min_s m_s, higher is better; the range is max_s m_s - min_s
    m_s, lower is better, but 0 is also reached by a method that finds nothing anywhere. Both in [0, 1]. The lowest of
    several noisy means is lower than the lowest true one, the more so the fewer queries a site has: compare methods,
    not with chance. The lowest group as a measure of its own: Sagawa et al., ICLR 2020; of a search, over sites, it is
    ours.

    Returns
    -------
    tuple of Estimate
        Worst and range; n in sites; which site is the worst, the parts of mean average precision say. NaN with a note
        for one query site (two are the least), a site without a defined query, one label alone, or a distance that
        cannot be taken.
    """
    search = Search.of(ldr, site=site, subject=subject, labels=labels, **options)
    qualities = query_qualities(search, {"": search.among(among)}, ("other_sites",))
    return _extremes(search, qualities.get(("", "other_sites")))


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`worst_site_precision` for CN/AD, two a distance."""
    label, found = next(iter(label_sets(scans))), []
    for search in searches(scans, settings, query_sites):
        worst, spread = _extremes(search, query_qualities(search).get((label, "other_sites")))
        params = search.params(gallery="other_sites", label=label)
        found += [worst.score(WORST, params), spread.score(SPREAD, params)]
    return found


def _extremes(search: Search, quality: QueryQuality | None) -> tuple[Estimate, Estimate]:
    if quality is None or len(quality.query) == 0:
        note = vectors_of(search.scans, search.distance).reason if quality is None else "no query"
        return Estimate(math.nan, 0, note=note), Estimate(math.nan, 0, note=note)
    site = search.scans.site[quality.query]
    names = np.unique(site)
    means = np.array([mean_of_site_means(quality.value["mAP"][site == one], site[site == one]) for one in names])
    missing = names[~np.isfinite(means)].tolist()
    if missing or len(names) < 2:
        note = f"no defined query at {', '.join(missing)}" if missing else "fewer than two query sites"
        undefined = Estimate(math.nan, len(names), note=quality.reason or note)
        return undefined, undefined
    return Estimate(float(means.min()), len(names)), Estimate(float(means.max() - means.min()), len(names))

"""Scanner fingerprinting: how often a travelling subject's scan is nearest to another person's scan of its own site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

import numpy.typing as npt

from benchmark.metrics.reliability.crossed import crossed_search
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.same_site import own_site_share
from benchmark.metrics.scans import Scans
from benchmark.metrics.search import Search, SearchOptions, searches
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

FINGERPRINT = Metric("reliability", "site_fingerprint", version=1, higher_is_better=False)


@reproducible()
def site_fingerprint(
    ldr: npt.ArrayLike, *, site: npt.ArrayLike, subject: npt.ArrayLike, **options: Unpack[SearchOptions]
) -> Estimate:
    """Share of travelling subjects' scans whose nearest scan of another travelling subject is of the same site.

    The same people were at every site, so that nothing but the site can make it differ from chance, which is the own
    site's share of the gallery: 1 / sites where everybody has as many scans at each. In [0, 1], of rankings of shape
    (queries, 1), lower is better down to chance. Queries and gallery are the scans of the subjects who were at all of
    the same sites (:func:`benchmark.metrics.reliability.crossed.crossed`); ``query_sites`` is not read. Otherwise as
    :func:`benchmark.metrics.same_site.same_site_share` of the first scan, interval included. It is the identification
    of Finn et al., Nature Neuroscience 2015, of scanners in place of people.

    Returns
    -------
    Estimate
        n in queries; parts are the sites. NaN with a note for fewer than three such subjects, or a distance that cannot
        be taken.
    """
    return _fingerprint(Search.of(ldr, site=site, subject=subject, **options))


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`site_fingerprint`, one a distance, each followed by those of its sites; all sites query."""
    return [
        row
        for search in searches(scans, settings, None)
        for row in _fingerprint(search).scores(FINGERPRINT, search.params(gallery="all_sites"), "query_site")
    ]


def _fingerprint(search: Search) -> Estimate:
    among, note = crossed_search(search)
    if not len(among.scans):
        return Estimate(math.nan, 0, note=note)
    found = own_site_share(among, 1)
    return replace(found, note=found.note or note)

"""Same-site share: how often the nearest scans come from the query's own site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import Strata, bounded_interval, mean_of_site_means, means_without, replicates_of
from benchmark.metrics.galleries import Codes, gallery_counts
from benchmark.metrics.left_out import deep_enough, effects_on_first, site_weights
from benchmark.metrics.retrieval import distance_params, nearest_scans
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of

Array = npt.NDArray[Any]

#: First scans that are looked at.
DEPTH = 10

SHARE = Metric("retrieval", f"same_site@{DEPTH}", version=2, higher_is_better=False)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Share of the query's own site among the first ten of all other subjects' scans, whatever their diagnosis.

    1/10 Σ_{r ≤ 10} [site of the scan at rank r = the query's site], of rankings of shape (queries, 10): precision of
    the first ten (Manning et al. 2008, section 8.4) with the site for relevance, a use that is ours. In [0, 1], lower
    is better down to chance, which is the own site's share of the gallery: what a ranking that does not see the site is
    expected to give. Mean over query sites of each site's mean; interval over resamples of subjects, who query and are
    found (:mod:`benchmark.metrics.bootstrap`). Needs ten
    scans of other subjects.

    Returns
    -------
    list of Score
        One a distance, then one a query site; n in queries; NaN with a reason, in all of them, for a gallery of fewer
        than ten scans, or a distance that cannot be taken.
    """
    queries = np.flatnonzero(check_query_sites(scans, query_sites))
    codes, one_class = Codes.of(scans), np.zeros(len(scans), np.int64)
    site, subject = codes.site, codes.subject
    names = scans.site[queries]
    strata, everyone = Strata.of(scans.subject, scans.site), np.unique(scans.subject)
    found = []
    for distance in settings.every_distance:
        params = key_values(gallery="all_sites", **distance_params(scans, distance, settings))
        vectors, reason = vectors_of(scans, distance).vectors, vectors_of(scans, distance).reason
        reason = reason or ("" if len(queries) else "no query")
        if not reason and min(len(scans) - np.bincount(subject)[subject[queries]]) < DEPTH:
            reason = f"a query has fewer than {DEPTH} scans of other subjects"
        if reason or vectors is None:
            found.append(Score(SHARE, params, math.nan, len(queries), reason=reason))
            found += [
                Score(SHARE, params, math.nan, int((names == one).sum()), key_values(query_site=one), reason)
                for one in np.unique(names).tolist()
            ]
            continue

        nearest = nearest_scans(vectors, queries, codes, distance, "all_sites", deep_enough(DEPTH, subject))

        def own_share(places: Array, which: Array, gone: Array) -> Array:
            # Where one subject's absence leaves fewer than ten, a place that nothing fills is no scan of the site.
            shares: Array = ((site[places] == site[queries[which], None]) & (places >= 0)).mean(axis=1)
            return shares

        share = own_share(nearest[:, :DEPTH], np.arange(len(queries)), queries)
        every, own = (gallery_counts(queries, codes, which, one_class)[:, 0] for which in ("all_sites", "own_site"))
        expected = own / every
        weight = site_weights(np.ones((len(queries), 1), bool), site[queries].astype(np.int64))[:, 0]
        effects = effects_on_first(nearest, queries, subject, weight, strata.stratum, DEPTH, own_share)
        mean, without = means_without(share[:, None], scans.subject[queries], names, everyone)
        both = (effects.change, effects.luck)
        replicates = replicates_of(mean, without, strata, settings.bootstrap, settings.seed, both)[:, 0]
        low, high = bounded_interval(replicates)
        found.append(
            Score(
                SHARE,
                params,
                mean_of_site_means(share, names),
                len(queries),
                ci_low=low,
                ci_high=high,
                chance=mean_of_site_means(expected, names),
                replicates=replicates,
            )
        )
        found += [
            Score(
                SHARE,
                params,
                float(share[names == one].mean()),
                int((names == one).sum()),
                key_values(query_site=one),
                chance=float(expected[names == one].mean()),
            )
            for one in np.unique(names).tolist()
        ]
    return found

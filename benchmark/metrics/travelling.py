"""Identity: how often a travelling subject's scan finds the same person at another site."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.metrics.bootstrap import interval, subject_replicates
from benchmark.metrics.retrieval import codes_of, distance_params, rankings
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of

TOP1 = Metric("identity", "top1", version=1, higher_is_better=True)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Share of queries whose most similar scan of another site is of the same subject.

    Queries are the scans of subjects with scans at two or more sites; the gallery is every scored scan of the other
    sites, whatever its diagnosis, the subject's own ones among all the distractors. Ties go to the first scan key.
    Chance is the mean share of the subject's own scans in the gallery. The mean is over queries.

    Parameters
    ----------
    scans
        The scored scans.
    settings
        Distances, bootstrap, seed.
    query_sites
        Sites that query; None for all.

    Returns
    -------
    list of Score
        One per distance; NaN with a reason where no subject travelled.
    """
    may_query = check_query_sites(scans, query_sites)
    site, subject = codes_of(scans.site), codes_of(scans.subject)
    pairs = np.unique(np.stack([subject, site]), axis=1)
    travelled = np.bincount(pairs[0], minlength=subject.max() + 1) > 1
    queries = np.flatnonzero(may_query & travelled[subject])
    scores = []
    for distance in settings.distances:
        params = key_values(gallery="other_sites", **distance_params(scans, distance))
        reason = vectors_of(scans, distance).reason
        if len(queries) == 0:
            reason = "no subject" + (" of the query sites" if query_sites else "") + " has scored scans at two sites"
        if reason:
            scores.append(Score(TOP1, params, math.nan, 0, reason=reason))
            continue
        hit, share = [], []
        for chunk, order in rankings(scans, queries, distance):
            member = site[order] != site[chunk, None]
            same = member & (subject[order] == subject[chunk, None])
            hit.append(same[np.arange(len(chunk)), member.argmax(axis=1)].astype(np.float64))
            share.append(same.sum(axis=1) / member.sum(axis=1))
        value = np.concatenate(hit)
        one_group = np.full(len(queries), "all")
        replicates = subject_replicates(
            value[:, None], scans.subject[queries], one_group, settings.bootstrap, settings.seed
        )[:, 0]
        low, high = interval(replicates)
        scores.append(
            Score(
                TOP1,
                params,
                float(value.mean()),
                len(queries),
                ci_low=low,
                ci_high=high,
                chance=float(np.concatenate(share).mean()),
                replicates=replicates,
            )
        )
    return scores

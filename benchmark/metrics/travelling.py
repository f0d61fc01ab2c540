"""Identity: how often a travelling subject's scan finds the same person at another site."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import Strata, bounded_interval, means_without, replicates_of
from benchmark.metrics.galleries import Codes, codes_of
from benchmark.metrics.left_out import deep_enough, effects_on_first
from benchmark.metrics.retrieval import distance_params, nearest_scans
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import vectors_of

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TOP1 = Metric("identity", "top1", version=2, higher_is_better=True)


def scores(
    scans: Scans,
    settings: EvaluationSettings,
    query_sites: Sequence[str] | None = None,
    metric: Metric = TOP1,
) -> list[Score]:
    """Share of queries whose most similar scan of another site is of the same subject.

    1/Q Σ_q [subject of q's first scan = subject of q], of rankings of shape (queries, 1): the identification rate of
    fingerprinting studies (Finn et al., Nature Neuroscience 2015). In [0, 1], higher is better. Queries are the Q scans
    of subjects with scans at two or more sites; the gallery is every scored scan of the other sites, whatever its
    diagnosis, the subject's own ones among all the distractors. Ties go to the first scan key. Chance is the mean share
    of the subject's own scans in the gallery. The mean is over queries, its interval over resamples of all subjects,
    those who travelled and those among whom they are looked for (:mod:`benchmark.metrics.bootstrap`). There is none
    where every query finds its subject, or none does.

    Parameters
    ----------
    scans
        The scored scans.
    settings
        Distances, bootstrap, seed.
    query_sites
        Sites that query; None for all.
    metric
        What the rows are called: other vectors of the same scans have a name of their own.

    Returns
    -------
    list of Score
        One per distance; n in queries, at least one; NaN with a reason where no subject travelled, or the distance
        cannot be taken.
    """
    may_query = check_query_sites(scans, query_sites)
    codes = Codes.of(scans)
    site, subject = codes.site, codes.subject
    at_site = codes_of(np.char.add(np.char.add(scans.site, "/"), scans.subject))
    elsewhere = np.bincount(subject)[subject] - np.bincount(at_site)[at_site]
    queries = np.flatnonzero(may_query & (elsewhere > 0))
    # To a search for a subject, every scan is a subject of its own: those of the query's person stay in the gallery.
    strangers = replace(codes, subject=np.arange(len(scans), dtype=np.int32))
    strata, names = Strata.of(scans.subject, scans.site), np.unique(scans.subject)
    share = elsewhere / np.maximum(len(scans) - np.bincount(site)[site], 1)
    scores = []
    for distance in settings.every_distance:
        params = key_values(gallery="other_sites", **distance_params(scans, distance, settings))
        vectors, reason = vectors_of(scans, distance).vectors, vectors_of(scans, distance).reason
        if len(queries) == 0:
            reason = "no subject" + (" of the query sites" if query_sites else "") + " has scored scans at two sites"
        if reason or vectors is None:
            scores.append(Score(metric, params, math.nan, 0, reason=reason))
            continue
        depth = deep_enough(1, subject)
        nearest = nearest_scans(vectors, queries, strangers, distance, "other_sites", depth)

        def same_person(places: Integers, which: Integers, gone: Integers) -> Floats:
            right: Floats = (subject[places[:, 0]] == subject[queries[which]]).astype(np.float64)
            return right

        value = same_person(nearest, np.arange(len(queries)), queries)
        equal = np.full(len(queries), 1 / len(queries))
        effects = effects_on_first(nearest, queries, subject, equal, strata.stratum, 1, same_person)
        one_group = np.full(len(queries), "all")
        mean, without = means_without(value[:, None], scans.subject[queries], one_group, names)
        both = (effects.change, effects.luck)
        replicates = replicates_of(mean, without, strata, settings.bootstrap, settings.seed, both)[:, 0]
        low, high = bounded_interval(replicates)
        scores.append(
            Score(
                metric,
                params,
                float(value.mean()),
                len(queries),
                ci_low=low,
                ci_high=high,
                chance=float(share[queries].mean()),
                replicates=replicates,
            )
        )
    return scores

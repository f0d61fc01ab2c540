"""Retrieval: how well a scan finds scans of its diagnosis, above all at other sites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import mean_of_site_means, subject_interval
from benchmark.metrics.ranking import NEEDS, Floats, expected_quality, ranked_quality
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.similarity import Distance, prepare, similarities

METRICS = {name: Metric("retrieval", name, version=1, higher_is_better=True) for name in NEEDS}

#: Diagnoses that queries and gallery are restricted to; None for every diagnosis that is known.
LABEL_SETS: dict[str, tuple[str, ...] | None] = {"CN/AD": ("CN", "AD"), "all": None}

GALLERIES = ("other_sites", "own_site", "all_sites")

#: Query-gallery pairs held in memory at a time.
PAIRS_AT_A_TIME = 2_000_000


@dataclass(frozen=True)
class QueryQuality:
    """Per-query values, before any mean.

    Attributes
    ----------
    query
        Position of each query in the scans, shape (queries,).
    total, size
        Relevant scans and all scans of each query's gallery, shape (queries,).
    value, chance
        By metric, shape (queries,); NaN where undefined.
    """

    query: npt.NDArray[np.int64]
    total: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]
    value: dict[str, Floats]
    chance: dict[str, Floats]


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Retrieval scores for every distance, gallery and label set.

    Every scan with a label of the set queries the others; scans of its own subject are never in its gallery, which
    is ``other_sites`` (the headline), ``own_site`` or ``all_sites``. Relevant is a scan with the query's diagnosis.
    Equally similar scans rank by scan key. The overall value is the mean over query sites of the site's mean, so
    that a large site does not outweigh a small one; it is NaN where a site's queries are all undefined. Its
    interval is the 95 % percentile interval over resamples of query subjects, with gallery and model as they are.

    Parameters
    ----------
    scans
        The scored scans.
    settings
        Distances, bootstrap, seed.
    query_sites
        Sites that query (the held-out site in leave-one-site-out); None for all. The gallery is not restricted.

    Returns
    -------
    list of Score
        Overall rows, then rows with subgroup ``query_site=...``. n counts queries with a defined value.

    Raises
    ------
    UserError
        For a query site without scored scans.
    """
    may_query = check_query_sites(scans, query_sites)
    scores: list[Score] = []
    for distance in settings.distances:
        note: dict[str, str] = {}
        if distance == "cosine_centred" and not scans.reference_is_train:
            note["centre"] = "all"
        for label, diagnoses in LABEL_SETS.items():
            chosen = np.isin(scans.diagnosis, diagnoses) if diagnoses else scans.diagnosis != ""
            part = scans.where(chosen)
            by_gallery = query_qualities(part, may_query[chosen], distance)
            for gallery, quality in by_gallery.items():
                params = key_values(distance=distance, gallery=gallery, label=label, **note)
                scores += _summarise(part, quality, params, settings)
    return scores


def query_qualities(scans: Scans, may_query: npt.NDArray[np.bool_], distance: Distance) -> dict[str, QueryQuality]:
    """Per-query quality in each gallery; the label of a scan is its diagnosis.

    Parameters
    ----------
    scans
        Scans of the label set, in the order of their keys.
    may_query
        Shape (scans,).
    distance
        How scans are compared.

    Returns
    -------
    dict of str to QueryQuality
        By gallery.
    """
    queries = np.flatnonzero(may_query)
    parts: dict[str, list[tuple[dict[str, Floats], npt.NDArray[np.int64], npt.NDArray[np.int64]]]]
    parts = {gallery: [] for gallery in GALLERIES}
    site, subject, label = (codes_of(text) for text in (scans.site, scans.subject, scans.diagnosis))
    for chunk, order in rankings(scans, queries, distance):
        same_site = site[order] == site[chunk, None]
        other_subject = subject[order] != subject[chunk, None]
        relevant = label[order] == label[chunk, None]
        members = {
            "other_sites": other_subject & ~same_site,
            "own_site": other_subject & same_site,
            "all_sites": other_subject,
        }
        for gallery, member in members.items():
            counts = (relevant & member).sum(axis=1), member.sum(axis=1)
            parts[gallery].append((ranked_quality(relevant, member), *counts))
    return {gallery: _joined(queries, parts[gallery]) for gallery in GALLERIES}


def rankings(
    scans: Scans, queries: npt.NDArray[np.int64], distance: Distance
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Rank all scans for each query, in chunks of queries that bound the memory.

    Yields
    ------
    tuple of numpy.ndarray
        Positions of the queries, shape (chunk,), and of all scans, most similar first, shape (chunk, scans).
        Scans are in the order of their keys, so a stable sort breaks ties by key.
    """
    if len(queries) == 0:
        return
    vectors = prepare(scans.ldr, scans.reference.mean(axis=0), distance)
    step = max(1, PAIRS_AT_A_TIME // len(scans))
    for start in range(0, len(queries), step):
        chunk = queries[start : start + step]
        yield chunk, np.argsort(-similarities(vectors[chunk], vectors, distance), axis=1, kind="stable")


def codes_of(text: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """Number of each distinct text, shape (scans,): numbers compare many times faster than text."""
    return np.unique(text, return_inverse=True)[1]


def _joined(
    queries: npt.NDArray[np.int64],
    parts: list[tuple[dict[str, Floats], npt.NDArray[np.int64], npt.NDArray[np.int64]]],
) -> QueryQuality:
    empty: list[npt.NDArray[np.int64]] = [np.zeros(0, np.int64)]
    total = np.concatenate([part[1] for part in parts] or empty)
    size = np.concatenate([part[2] for part in parts] or empty)
    value = {name: np.concatenate([part[0][name] for part in parts] or [np.zeros(0)]) for name in NEEDS}
    return QueryQuality(queries, total, size, value, expected_quality(total, size))


def _summarise(scans: Scans, quality: QueryQuality, params: str, settings: EvaluationSettings) -> list[Score]:
    site, subject = scans.site[quality.query], scans.subject[quality.query]
    overall, by_site = [], []
    for name, metric in METRICS.items():
        value, chance = quality.value[name], quality.chance[name]
        low, high = subject_interval(value, subject, site, settings.bootstrap, settings.seed)
        overall.append(
            Score(
                metric,
                params,
                mean_of_site_means(value, site),
                int(np.isfinite(value).sum()),
                reason=_reason(value, quality, NEEDS[name], site),
                ci_low=low,
                ci_high=high,
                chance=mean_of_site_means(chance, site),
            )
        )
        for one in np.unique(site):
            here = site == one
            by_site.append(
                Score(
                    metric,
                    params,
                    mean_of_site_means(value[here], site[here]),
                    int(np.isfinite(value[here]).sum()),
                    subgroup=key_values(query_site=one),
                    reason=_reason(value, quality, NEEDS[name], site, here),
                    chance=mean_of_site_means(chance[here], site[here]),
                )
            )
    return overall + by_site


def _reason(
    value: Floats,
    quality: QueryQuality,
    needed: int,
    site: npt.NDArray[np.str_],
    here: npt.NDArray[np.bool_] | None = None,
) -> str:
    chosen = np.ones(len(value), bool) if here is None else here
    if not chosen.any():
        return "no query"
    small = chosen & (quality.size < needed)
    lonely = chosen & (quality.total == 0) & ~small
    count = int(chosen.sum())
    reasons = []
    if lonely.any():
        reasons.append(f"{lonely.sum()} of {count} queries have no relevant scan in their gallery")
    if small.any():
        reasons.append(f"{small.sum()} of {count} queries have fewer than {needed} scans in their gallery")
    if here is None:
        empty = [str(one) for one in np.unique(site) if not np.isfinite(value[site == one]).any()]
        if empty:
            reasons.append(f"no defined query at {', '.join(empty)}")
    return "; ".join(reasons)

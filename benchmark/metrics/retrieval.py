"""Retrieval: how well a scan finds scans of its diagnosis, above all at other sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.errors import UserError
from benchmark.metrics.bootstrap import Strata
from benchmark.metrics.galleries import GALLERIES, Codes, Gallery, gallery_counts, gallery_lists, nearest_members
from benchmark.metrics.left_out import MEASURES, effects_in_lists, site_weights
from benchmark.metrics.order import most_similar_first
from benchmark.metrics.query_quality import METRICS, QueryQuality, summarised
from benchmark.metrics.ranking import NEEDS, list_quality
from benchmark.metrics.rows import Estimate, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.search import Search, SearchOptions, searches
from benchmark.metrics.settings import Distance, EvaluationSettings
from benchmark.metrics.similarity import similarities, vectors_of
from benchmark.metrics.threads import map_chunks, reproducible

#: Query-gallery pairs held in memory at a time.
PAIRS_AT_A_TIME = 2_000_000


def label_sets(scans: Scans) -> dict[str, npt.NDArray[np.bool_]]:
    """Sets of labels that queries and gallery are restricted to, by name, as masks of shape (scans,).

    ``CN/AD``, which is always there, since the headline is; and ``all``, every label that is known. Where no scan is
    CN or AD (another column is the label), the two most frequent labels take their place.
    """
    names, counts = np.unique(scans.diagnosis[scans.diagnosis != ""], return_counts=True)
    pair = ("CN", "AD")
    if len(names) >= 2 and not np.isin(pair, names).any():
        pair = tuple(sorted(names[np.argsort(-counts, kind="stable")][:2].tolist()))
    return {"/".join(pair): np.isin(scans.diagnosis, pair), "all": scans.diagnosis != ""}


class RetrievalOptions(SearchOptions, total=False):
    """:class:`benchmark.metrics.search.SearchOptions`, and those of retrieval.

    Attributes
    ----------
    gallery
        What queries are compared with: ``other_sites`` (the headline and default), ``own_site`` or ``all_sites``.
    among
        Labels whose scans query and are found, such as ``("CN", "AD")``; None, the default, for all.
    """

    gallery: Gallery
    among: Sequence[str] | None


def mean_average_precision(
    ldr: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    subject: npt.ArrayLike,
    **options: Unpack[RetrievalOptions],
) -> Estimate:
    """Mean average precision of queries; see :func:`retrieval_measures`, whose ``mAP`` this is."""
    return retrieval_measures(ldr, labels, site=site, subject=subject, **options)["mAP"]


def precision_at_k(
    ldr: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    subject: npt.ArrayLike,
    k: int = 10,
    **options: Unpack[RetrievalOptions],
) -> Estimate:
    """Share of relevant scans among the first k, which is 1, 5 or 10; see :func:`retrieval_measures`."""
    if f"P@{k}" not in METRICS:
        allowed = ", ".join(name.removeprefix("P@") for name in METRICS if name.startswith("P@"))
        raise UserError(f"k: {k} is not allowed; allowed: {allowed}")
    return retrieval_measures(ldr, labels, site=site, subject=subject, **options)[f"P@{k}"]


@reproducible()
def retrieval_measures(
    ldr: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    subject: npt.ArrayLike,
    gallery: Gallery = "other_sites",
    among: Sequence[str] | None = None,
    **options: Unpack[SearchOptions],
) -> dict[str, Estimate]:
    """All measures of how well a scan finds scans of its label.

    Every scan with a label queries the others; scans of its own subject are never in its gallery. Relevant is a scan
    with the query's label. Equally similar scans rank by scan. The overall value is the mean over query sites of the
    site's mean, so that a large site does not outweigh a small one; it is NaN where a site's queries are all undefined.
    Its interval is the 95 % percentile interval over resamples of subjects, who query and are found as often as they
    are drawn (:mod:`benchmark.metrics.bootstrap`), with the model as it is.

    Each measure is one of :mod:`benchmark.metrics.ranking`, which has its formula, source and least number of scans, of
    rankings of shape (queries, scans). All are in [0, 1], higher is better, and stand beside their exact chance level.

    Parameters
    ----------
    labels
        Shape (n_scans,), such as diagnoses; empty, None or NaN for unknown: such a scan neither queries nor is found.
    gallery, among
        As for :class:`RetrievalOptions`.

    Returns
    -------
    dict of str to Estimate
        By measure. n counts queries with a defined value; parts are the query sites. NaN with a note where a distance
        cannot be taken, and where galleries hold relevant scans alone (one label).

    Raises
    ------
    UserError
        A ValueError, for arrays as :func:`benchmark.metrics.arrays.scans_of` says, a value that is not allowed, or a
        query site without scans.
    """
    if gallery not in GALLERIES:
        raise UserError(f"gallery: '{gallery}' is not allowed; allowed: {', '.join(GALLERIES)}")
    search = Search.of(ldr, site=site, subject=subject, labels=labels, **options)
    chosen = search.among(among)
    quality = query_qualities(search, {"": chosen}, (gallery,)).get(("", gallery))
    return _measures(search, quality, chosen)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`retrieval_measures` for every distance, label set and gallery, each with those of query sites."""
    found: list[Score] = []
    for search in searches(scans, settings, query_sites):
        by_label = query_qualities(search)
        for label, chosen in label_sets(scans).items():
            for gallery in GALLERIES:
                every = _measures(search, by_label.get((label, gallery)), chosen)
                params = search.params(gallery=gallery, label=label)
                rows = [one.scores(METRICS[name], params, "query_site") for name, one in every.items()]
                found += [overall for overall, *_ in rows]
                found += [part for _, *parts in rows for part in parts]
    return found


def _measures(search: Search, quality: QueryQuality | None, chosen: npt.NDArray[np.bool_]) -> dict[str, Estimate]:
    if quality is not None:
        return summarised(search.scans, quality, search.settings)
    undefined = Estimate(np.nan, 0, note=vectors_of(search.scans, search.distance).reason)
    sites = np.unique(search.scans.site[search.may_query & chosen]).tolist()
    return dict.fromkeys(METRICS, replace(undefined, parts=dict.fromkeys(sites, undefined)))


def query_qualities(
    search: Search,
    sets: Mapping[str, npt.NDArray[np.bool_]] | None = None,
    galleries: Sequence[Gallery] = GALLERIES,
) -> dict[tuple[str, str], QueryQuality]:
    """Per-query quality by label set and gallery; the label of a scan is its diagnosis.

    Each scan is ranked once, for all label sets and galleries. The result is kept in the scans' memo.

    Parameters
    ----------
    search
        The search.
    sets, galleries
        Label sets, as :func:`label_sets` gives them, by default these, and galleries.

    Returns
    -------
    dict of tuple of str to QueryQuality
        By (label set, gallery); empty where the distance cannot be taken.
    """
    scans = search.scans
    sets = label_sets(scans) if sets is None else sets
    memo = ("query_qualities", search.distance, search.may_query.tobytes(), *sets, *galleries)
    if memo not in scans.memo:
        scans.memo[memo] = _query_qualities(search, sets, galleries)
    kept: dict[tuple[str, str], QueryQuality] = scans.memo[memo]
    return kept


def _query_qualities(
    search: Search, sets: Mapping[str, npt.NDArray[np.bool_]], galleries: Sequence[Gallery]
) -> dict[tuple[str, str], QueryQuality]:
    scans = search.scans
    vectors = vectors_of(scans, search.distance).vectors
    if vectors is None:
        return {}
    codes = Codes.of(scans)
    queries = np.flatnonzero(search.may_query & (scans.diagnosis != ""))
    # A subject's queries side by side: what they have in common is seen within a chunk.
    queries = queries[np.argsort(codes.subject[queries], kind="stable")]
    asked = [(name, gallery) for name in sets for gallery in galleries]
    weights = {(name, gallery): _weights(queries, codes, sets[name], gallery) for name, gallery in asked}
    # Of all subjects, whatever their label: how many of a site have the labels is drawn as well.
    strata = Strata.of(scans.subject, scans.site)

    def qualities(chunk: npt.NDArray[np.int64]) -> dict[tuple[str, str], QueryQuality]:
        order = ranked(vectors, chunk, search.distance)
        found: dict[tuple[str, str], QueryQuality] = {}
        for name, gallery in asked:
            allowed, weight = sets[name], weights[name, gallery][chunk]
            lists = gallery_lists(order, chunk, codes, allowed, gallery)
            effects = effects_in_lists(order, chunk, codes, allowed, gallery, weight, strata.stratum)
            quality = list_quality(lists)
            found[name, gallery] = QueryQuality(chunk[allowed[chunk]], lists.total, lists.size, quality, effects)
        return found

    parts = list(map_chunks(qualities, _whole_subjects(queries, codes.subject)))
    groups = int(strata.stratum.max(initial=-1)) + 1
    return {key: QueryQuality.joined([part[key] for part in parts], strata.subjects, groups) for key in asked}


def _weights(
    queries: npt.NDArray[np.int64], codes: Codes, allowed: npt.NDArray[np.bool_], gallery: Gallery
) -> npt.NDArray[np.float64]:
    """Weight of each scan as a query in each of :data:`MEASURES`, shape (scans, measures); 0 for no defined query."""
    asking = queries[allowed[queries]]
    here = np.flatnonzero(allowed)
    part = Codes(codes.site[here], codes.subject[here], codes.label[here])
    place = np.searchsorted(here, asking)
    counts = gallery_counts(place, part, gallery, part.label.astype(np.int64))
    total = counts[np.arange(len(asking)), codes.label[asking]]
    needs = np.array([NEEDS[name] for name in MEASURES])
    defined = (total > 0)[:, None] & (counts.sum(axis=1)[:, None] >= needs)
    weights = np.zeros((len(codes.site), len(MEASURES)))
    weights[asking] = site_weights(defined, codes.site[asking].astype(np.int64))
    return weights


def _whole_subjects(queries: npt.NDArray[np.int64], subject: npt.NDArray[np.int32]) -> Iterator[npt.NDArray[np.int64]]:
    """Queries, sorted by subject, in chunks as :func:`chunks_of` makes them, but for subjects that they would cut."""
    step = max(1, PAIRS_AT_A_TIME // max(1, len(subject)))
    owner = subject[queries]
    start = 0
    while start < len(queries):
        end = min(start + step, len(queries))
        while end < len(queries) and owner[end] == owner[end - 1]:
            end += 1
        yield queries[start:end]
        start = end


def chunks_of(queries: npt.NDArray[np.int64], scans: int) -> Iterator[npt.NDArray[np.int64]]:
    """Queries in chunks that bound the memory of their comparison with all scans."""
    step = max(1, PAIRS_AT_A_TIME // max(1, scans))
    return (queries[start : start + step] for start in range(0, len(queries), step))


def ranked(
    vectors: npt.NDArray[np.float64], queries: npt.NDArray[np.int64], distance: Distance
) -> npt.NDArray[np.int32]:
    """All scans for each query, most similar first, shape (queries, scans); arguments as for :func:`nearest_scans`."""
    return most_similar_first(similarities(vectors[queries], vectors, distance))


def nearest_scans(
    vectors: npt.NDArray[np.float64],
    queries: npt.NDArray[np.int64],
    codes: Codes,
    distance: Distance,
    gallery: Gallery,
    depth: int,
) -> npt.NDArray[np.int64]:
    """Positions of the first scans of each query's gallery, best first, shape (queries, depth); -1 for none.

    Parameters
    ----------
    vectors
        Of all scans, in the order of their keys, as :func:`benchmark.metrics.similarity.vectors_of` gives them, shape
        (scans, dimensions); equally similar scans stay in that order.
    queries
        Positions of the queries, shape (queries,).
    distance
        How scans are compared.
    codes, gallery
        As for :func:`benchmark.metrics.galleries.nearest_members`.
    depth
        How many.
    """

    def of_chunk(chunk: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return nearest_members(similarities(vectors[chunk], vectors, distance), chunk, codes, gallery, depth)

    parts = list(map_chunks(of_chunk, chunks_of(queries, len(vectors))))
    return np.concatenate([np.zeros((0, depth), np.int64), *parts])

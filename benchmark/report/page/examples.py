"""Example retrievals: what each method finds for the same few queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import UserError
from benchmark.metrics.galleries import Codes
from benchmark.metrics.retrieval import label_sets, nearest_scans
from benchmark.metrics.scans import Scans, scored_scans
from benchmark.metrics.settings import Distance
from benchmark.metrics.similarity import vectors_of
from benchmark.report.page.images import middle_slices, png_uri
from benchmark.report.text import grouped
from benchmark.seeds import derive_seed

#: Distance that methods are ranked by which declare none of their own, as in the wide tables.
COMMON: Distance = "cosine_centred"

#: Sites that queries come from, and scans that are shown for each query.
SITES, SHOWN = 2, 5

VolumeOf = Callable[[str], npt.NDArray[Any]]


@dataclass(frozen=True)
class ExampleInput:
    """What example retrievals are made from.

    Attributes
    ----------
    title
        Protocol and seed, such as ``pooled, seed 1``.
    embeddings
        By method, tables as :func:`benchmark.embeddings.table.read_embeddings` gives them, of the same scored scans.
    volume_of
        Preprocessed volume of a scan, shape (x, y, z) in RAS, by its key ``site/subject_id/session_id``.
    distances
        By method, the distance that it declares as its own; :data:`COMMON` for those that are not in it.
    """

    title: str
    embeddings: Mapping[str, pd.DataFrame]
    volume_of: VolumeOf
    distances: Mapping[str, Distance] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """A scan as the page shows it.

    Attributes
    ----------
    image
        Number of its picture in :attr:`Examples.images`.
    site, diagnosis
        Of the scan.
    right
        Whether it has the query's diagnosis.
    """

    image: int
    site: str
    diagnosis: str
    right: bool = True


@dataclass(frozen=True)
class Query:
    """A query with what each method finds at other sites, most similar first."""

    scan: Shown
    found: Mapping[str, Sequence[Shown]]


@dataclass(frozen=True)
class ExampleSet:
    """The queries of one protocol and seed.

    Attributes
    ----------
    title
        Protocol and seed.
    caption
        Which labels are searched for, and which distance each method is ranked by.
    queries
        What was asked and found.
    """

    title: str
    caption: str
    queries: Sequence[Query]


@dataclass(frozen=True)
class Picture:
    """A picture of three slices: data URI, width and height in pixels."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Examples:
    """All example retrievals of a page; a scan that is shown many times has one picture."""

    sets: Sequence[ExampleSet] = ()
    images: Sequence[Picture] = ()


def examples(given: Sequence[ExampleInput]) -> Examples:
    """Retrieve for a few queries that nobody picked.

    One CN and one AD scan of each of the first two sites in the alphabet that have both are the queries: of their
    candidates the one whose key has the smallest hash. Where no scan is CN or AD, the headline's other two labels
    take their place (:func:`benchmark.metrics.retrieval.label_sets`). Each method ranks the scans of these labels at
    other sites by its own distance where it declares one, else by ``cosine_centred``, as the headline does
    (:func:`benchmark.metrics.retrieval.nearest_scans`), without those of the query's own subject. Subject and session
    identifiers are in no part of the result.

    Parameters
    ----------
    given
        One a protocol and seed.

    Raises
    ------
    UserError
        If no method is given, the methods' scored scans differ, or a volume cannot be drawn.
    """
    album: dict[Picture, int] = {}
    sets = [_set(each, album) for each in given]
    return Examples(sets, list(album))


def labels_of(scans: Scans) -> list[str]:
    """The labels of the headline that scans have, at most two: CN before AD, others in the order of the alphabet."""
    chosen = next(iter(label_sets(scans).values()))
    return sorted(np.unique(scans.diagnosis[chosen]).tolist(), key=lambda label: (label != "CN", label))


def choose_queries(scans: Scans) -> list[int]:
    """Positions of the queries: site by site, CN before AD; none where there are not two labels."""
    chosen: list[int] = []
    labels = labels_of(scans)
    if len(labels) < 2:
        return chosen
    for site in np.unique(scans.site):
        candidates = [np.flatnonzero((scans.site == site) & (scans.diagnosis == each)) for each in labels]
        if all(len(each) for each in candidates) and len(chosen) < SITES * len(labels):
            chosen += [min(each.tolist(), key=lambda place: _hash(scans, place)) for each in candidates]
    return chosen


def top(scans: Scans, query: int, shown: int, distance: Distance = COMMON) -> list[int]:
    """Positions of the scans of other sites and subjects most similar to a query, most similar first.

    None where the distance cannot be taken.
    """
    vectors = vectors_of(scans, distance).vectors
    if vectors is None:
        return []
    found = nearest_scans(vectors, np.array([query]), Codes.of(scans), distance, "other_sites", shown)[0]
    return [int(place) for place in found if place >= 0]


def _hash(scans: Scans, place: int) -> int:
    return derive_seed("example", str(scans.key[place]))


def _set(given: ExampleInput, album: dict[Picture, int]) -> ExampleSet:
    scans = {method: _labelled(frame) for method, frame in given.embeddings.items()}
    if not scans:
        raise UserError(f"examples, {given.title}: no method is given")
    first, *others = scans
    labels = labels_of(scans[first])
    distances = {name: given.distances.get(name, COMMON) for name in scans}
    for other in others:
        if not np.array_equal(scans[first].key, scans[other].key):
            raise UserError(
                f"examples, {given.title}: the scored {' and '.join(labels)} scans of '{first}' and '{other}' differ"
            )
    pictures: dict[str, int] = {}

    def scan(position: int, query: int) -> Shown:
        every = scans[first]
        key, site, diagnosis = (str(each[position]) for each in (every.key, every.site, every.diagnosis))
        if key not in pictures:
            grey = middle_slices(given.volume_of(key), f"examples, {given.title}: a scan of {site}")
            picture = Picture(png_uri(grey), grey.shape[1], grey.shape[0])
            pictures[key] = album.setdefault(picture, len(album))
        return Shown(pictures[key], site, diagnosis, diagnosis == every.diagnosis[query])

    queries = [
        Query(
            scan(query, query),
            {
                name: [scan(hit, query) for hit in top(each, query, SHOWN, distances[name])]
                for name, each in scans.items()
            },
        )
        for query in choose_queries(scans[first])
    ]
    return ExampleSet(given.title, _caption(labels, distances), queries)


def _caption(labels: Sequence[str], distances: Mapping[str, Distance]) -> str:
    by_distance = grouped(distances)
    ranked = "".join(by_distance)
    if len(by_distance) > 1:
        ranked = "; ".join(f"{distance} for {', '.join(names)}" for distance, names in by_distance.items())
    return f"Labels: {', '.join(labels) or 'none'}. Distance: {ranked}."


def _labelled(frame: pd.DataFrame) -> Scans:
    scans = scored_scans(frame)
    return scans.where(next(iter(label_sets(scans).values())))

"""Searches: which scans are ranked by which distance, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.errors import UserError
from benchmark.metrics.arrays import Options, scans_of
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import Distance, EvaluationSettings
from benchmark.metrics.similarity import same_age_repeats

#: Parameter of rows whose distance is the method's own.
OWN = ("headline", "own")


class SearchOptions(Options, total=False):
    """:class:`benchmark.metrics.arrays.Options`, and those of every function that searches.

    Attributes
    ----------
    distance
        How scans are compared, ``cosine_centred`` by default (:func:`benchmark.metrics.similarity.vectors_of`).
    query_sites
        Sites whose scans query; None, the default, for all.
    reference_subject, reference_age
        As for :func:`benchmark.metrics.arrays.scans_of`; None by default.
    """

    distance: Distance
    query_sites: Sequence[str] | None
    reference_subject: npt.ArrayLike | None
    reference_age: npt.ArrayLike | None


@dataclass(frozen=True)
class Search:
    """Scans that are ranked for queries.

    Attributes
    ----------
    scans
        The scans.
    may_query
        Which of them query, shape (scans,).
    distance, settings
        How they are compared; bootstrap and seed.
    """

    scans: Scans
    may_query: npt.NDArray[np.bool_]
    distance: Distance
    settings: EvaluationSettings

    @classmethod
    def of(
        cls,
        ldr: npt.ArrayLike,
        *,
        distance: Distance = "cosine_centred",
        query_sites: Sequence[str] | None = None,
        **options: Any,
    ) -> Search:
        """The search in arrays; see :class:`SearchOptions`."""
        scans, settings = scans_of(ldr, distances=(distance,), **options)
        sites = None if query_sites is None else [str(one) for one in query_sites]
        return next(searches(scans, settings, sites))

    def among(self, labels: Sequence[str] | None) -> npt.NDArray[np.bool_]:
        """Scans that query and are found, shape (scans,): those of some labels, or of any for None."""
        label = self.scans.diagnosis
        return label != "" if labels is None else np.isin(label, [str(one) for one in labels])

    def params(self, **more: str) -> dict[str, str]:
        """Parameters of rows.

        Beside the distance they say where its statistics come from the scored scans themselves, which repeat scans they
        come from, and that it is the one which the method declares as its own.
        """
        params = {"distance": self.distance, **more}
        if not self.scans.reference_is_train and self.distance in ("cosine_centred", "within_subject"):
            params["centre"] = "all"
        if not self.scans.reference_is_train and self.distance == "whitened":
            params["statistics"] = "all"
        if self.distance == "within_subject" and same_age_repeats(self.scans):
            params["repeats"] = "same_age"
        return params | dict([OWN]) if self.distance == self.settings.own_distance else params


def searches(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None) -> Iterator[Search]:
    """Searches by every distance that is asked for, in which the scans of some sites query; None for all.

    Raises
    ------
    UserError
        For a query site that has no scored scan; the message lists those that have.
    """
    known = np.unique(scans.site)
    for site in query_sites or ():
        if site not in known:
            raise UserError(f"query site '{site}' has no scored scan; sites with scored scans: {', '.join(known)}")
    may_query = np.ones(len(scans), bool) if query_sites is None else np.isin(scans.site, list(query_sites))
    for distance in settings.every_distance:
        yield Search(scans, may_query, distance, settings)

"""Arguments that all searches share, and what they are on scans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import scans_of
from benchmark.metrics.scans import Scans, check_query_sites
from benchmark.metrics.settings import Distance, EvaluationSettings


class _ReferenceOptions(TypedDict, total=False):
    scan: npt.ArrayLike | None
    reference: npt.ArrayLike | None
    reference_subject: npt.ArrayLike | None
    reference_age: npt.ArrayLike | None


class SearchOptions(_ReferenceOptions, total=False):
    """Options of every function that searches; each has a default.

    Attributes
    ----------
    distance
        How scans are compared, ``cosine_centred`` by default (:func:`benchmark.metrics.similarity.vectors_of`).
    query_sites
        Sites whose scans query; None, the default, for all.
    bootstrap, seed
        As for :class:`benchmark.metrics.settings.EvaluationSettings`.
    scan, reference, reference_subject, reference_age
        As for :func:`benchmark.metrics.arrays.scans_of`.
    """

    distance: Distance
    query_sites: Sequence[str] | None
    bootstrap: int
    seed: int


@dataclass(frozen=True)
class Search:
    """Scans to search in.

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
        site: npt.ArrayLike,
        subject: npt.ArrayLike,
        diagnosis: npt.ArrayLike | None = None,
        distance: Distance = "cosine_centred",
        query_sites: Sequence[str] | None = None,
        bootstrap: int = 1000,
        seed: int = 0,
        **options: Unpack[_ReferenceOptions],
    ) -> Search:
        """The search in arrays; see :class:`SearchOptions`."""
        settings = EvaluationSettings(distances=(distance,), bootstrap=bootstrap, seed=seed)
        scans = scans_of(ldr, site=site, subject=subject, diagnosis=diagnosis, **options)
        sites = None if query_sites is None else [str(one) for one in query_sites]
        return cls(scans, check_query_sites(scans, sites), distance, settings)

    def among(self, labels: Sequence[str] | None) -> npt.NDArray[np.bool_]:
        """Scans that query and are found, shape (scans,): those of some labels, or of any for None."""
        label = self.scans.diagnosis
        return label != "" if labels is None else np.isin(label, [str(one) for one in labels])

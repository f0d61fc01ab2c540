"""From a scan that is searched with to what is found, and what is to be known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import UserError
from benchmark.search.context import Share, diagnoses_among, own_site_among
from benchmark.search.filters import Filter
from benchmark.search.index import Index
from benchmark.search.nearest import nearest, percentile, random_similarities
from benchmark.search.segments import Floats

#: Columns of a table of hits, in order.
HIT_COLUMNS = (
    "query", "rank", "similarity", "percentile", "site", "diagnosis", "age", "sex", "subject_id", "session_id", "image",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What may be found.

    Attributes
    ----------
    k
        Hits at most.
    condition
        Which scans may be found, besides; None for all.
    exclude_sites
        Sites whose scans are not.
    one_per_subject
        Leave out all scans of a subject but the most similar one.
    approximate
        Whether graphs are used, where the index has them.

    Raises
    ------
    UserError
        For a k below 1.
    """

    k: int = 10
    condition: Filter | None = None
    exclude_sites: Sequence[str] = ()
    one_per_subject: bool = False
    approximate: bool = False

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UserError(f"--k: {self.k} is not allowed; it must be a whole number of at least 1")


@dataclass(frozen=True)
class Query:
    """A scan that is searched with.

    Attributes
    ----------
    name
        As the user calls it.
    ldr
        Shape (dimensions,).
    subject
        Whose scans are not to be found; empty where it is not known.
    site
        Empty where it is not known.
    warnings
        Why its hits may say nothing.
    """

    name: str
    ldr: Floats
    subject: str = ""
    site: str = ""
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """What is found for a query.

    Attributes
    ----------
    query
        The query.
    hits
        Columns :data:`HIT_COLUMNS`, most similar first. ``similarity`` is the cosine from the training's mean LDR,
        ``percentile`` the percentage of random pairs of the index's subjects that are less similar.
    rows
        Rows of the index that the hits are, shape (hits,).
    could
        How many scans could have been found.
    left_out
        Scans of the query's own subject in the index, which were not.
    diagnoses
        Mix of diagnoses among the hits against that of the scans that could have been found.
    own_site
        The query's site likewise; None where nothing can be said.
    """

    query: Query
    hits: pd.DataFrame
    rows: npt.NDArray[np.int64]
    could: int
    left_out: int
    diagnoses: list[Share]
    own_site: Share | None


class Searcher:
    """An index that many queries are answered from.

    Parameters
    ----------
    index
        The index.
    """

    def __init__(self, index: Index) -> None:
        self.index = index
        self._pairs = random_similarities(index)

    def answer(self, query: Query, wanted: Wanted) -> Answer:
        """Search.

        Raises
        ------
        UserError
            For a site that no scan has, and a condition on a column that is not there.
        """
        index, sites = self.index, self.index.text("site")
        among = index.kept.copy()
        if wanted.condition is not None:
            among &= wanted.condition.mask(index.scans)
        for site in wanted.exclude_sites:
            if not index.having("site", [site]).any():
                known = ", ".join(np.unique(sites[index.kept]))
                raise UserError(f"--exclude_site: no scan is of site '{site}'; sites: {known}")
            among &= sites != site
        own = index.having("subject_id", [query.subject] if query.subject else [])
        left_out = int((among & own).sum())
        among &= ~own
        found = nearest(index, query.ldr, wanted.k, among, wanted.one_per_subject, wanted.approximate)
        hits = index.scans.take(found.rows).to_pandas()
        hits["query"], hits["rank"] = query.name, np.arange(1, len(hits) + 1)
        hits["similarity"] = found.similarity
        hits["percentile"] = percentile(found.similarity, self._pairs)
        diagnosis = index.text("diagnosis")
        return Answer(
            query, hits[list(HIT_COLUMNS)], found.rows, int(among.sum()), left_out,
            diagnoses_among(diagnosis[found.rows], diagnosis[among]),
            own_site_among(query.site, sites[found.rows], sites[among]),
        )  # fmt: skip


def query_of_scan(index: Index, key: str) -> Query:
    """A scan of the index itself, by its scan key (site/subject/session).

    Raises
    ------
    UserError
        If there is none.
    """
    rows = np.flatnonzero(index.having("scan_key", [key]))
    if not len(rows):
        raise UserError(f"{index.folder}: no scan is called '{key}'; a scan is called site/subject/session")
    subject, site = (index.scans.column(name)[int(rows[0])].as_py() for name in ("subject_id", "site"))
    return Query(key, index.ldrs(rows[:1])[0], subject, site)

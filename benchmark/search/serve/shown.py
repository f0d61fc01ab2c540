"""An archive as the page may show it: pseudonyms in place of identifiers, and no paths."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmark.errors import UserError
from benchmark.pseudonyms import pseudonym
from benchmark.search.filters import Filter
from benchmark.search.index import INDEX, Index
from benchmark.search.query import Answer, Query, Searcher
from benchmark.search.serve.jobs import GoneError

#: Columns of every index that say nothing of who a scan is of.
HARMLESS = ("site", "diagnosis", "age", "sex", "field_strength", "scanner_manufacturer", "scanner_model")
#: Columns that no page needs, whatever is allowed.
INNER = ("scan_key", "image", "mask", "content")
_SCAN = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)


class ShownFilter(Filter):
    """A condition on what the page shows, so that hits tell nothing of what it does not.

    Parameters
    ----------
    text
        As for :class:`benchmark.search.filters.Filter`.
    table
        What is shown, row for row with the index.
    """

    def __init__(self, text: str, table: pa.Table) -> None:
        super().__init__(text)
        self._shown = table

    def mask(self, table: pa.Table) -> npt.NDArray[np.bool_]:
        """Which rows fulfil the condition; the table is that which is shown, whatever is given."""
        return super().mask(self._shown)


class Shown:
    """One generation of an index.

    Parameters
    ----------
    index
        The index.
    salt
        Of the pseudonyms; None to show subjects and sessions by their own names.

    Attributes
    ----------
    table
        What may be seen and filtered by; ``subject_id`` is a pseudonym, ``session_id`` a count of the subject's scans.
    subjects, sites
        How many subjects there are, and at which sites.
    graph
        What is told of its approximate search; empty where it has none.
    """

    def __init__(self, index: Index, salt: bytes | None) -> None:
        self.index, self.searcher, self.open = index, Searcher(index), salt is None
        scans = index.scans
        columns = {name: scans.column(name) for name in scans.column_names if name not in INNER}
        if salt is not None:
            encoded = scans.column("subject_id").combine_chunks().dictionary_encode()
            names = pa.array([pseudonym(subject, salt) for subject in encoded.dictionary.to_pylist()], pa.string())
            codes = pd.Series(encoded.indices.to_numpy(zero_copy_only=False))
            session = (codes.groupby(codes).cumcount() + 1).astype(str)
            columns = {
                "subject_id": names.take(encoded.indices), "session_id": pa.array(session, pa.string()),
                **{name: column for name, column in columns.items() if name in HARMLESS},
            }  # fmt: skip
        self.table = pa.table(columns)
        kept = pa.array(index.kept)
        self.subjects = pc.count_distinct(scans.column("subject_id").filter(kept)).as_py()
        self.sites: list[str] = sorted(pc.unique(scans.column("site").filter(kept)).to_pylist())
        graphs = [segment for segment in index.state.segments if segment.recall is not None]
        recall = min((segment.recall.share for segment in graphs if segment.recall is not None), default=0.0)
        self.graph = f"finds {recall:.1%} of the 10 nearest" if graphs else ""
        words = [self.table.column(name) for name in ("subject_id", "session_id", "site", "diagnosis")]
        self._words = pc.utf8_lower(pc.binary_join_element_wise(*words, " "))

    @property
    def generation(self) -> int:
        """Of the index."""
        return self.index.state.generation

    def scan_id(self, row: int) -> str:
        """What the page calls a scan."""
        return f"{self.generation}-{row}"

    def row(self, scan: str) -> int:
        """Row of a scan that the page names.

        Raises
        ------
        GoneError
            For a scan that is not there, and one of another generation of the index.
        """
        named = _SCAN.fullmatch(scan)
        if named is None:
            raise GoneError("there is no such scan")
        generation, row = int(named[1]), int(named[2])
        if generation != self.generation:
            raise GoneError("the archive has changed; search again")
        if row >= len(self.index.kept) or not self.index.kept[row]:
            raise GoneError("there is no such scan")
        return row

    def name(self, row: int) -> str:
        """Of a scan, for people."""
        site, subject, session = (self.table.column(each)[row].as_py() for each in ("site", "subject_id", "session_id"))
        return f"{site}/{subject}/{session}"

    def subject(self, shown: str) -> str:
        """The own name of a subject that the page names.

        Raises
        ------
        UserError
            If there is none.
        """
        rows = np.flatnonzero(self.index.kept & pc.equal(self.table.column("subject_id"), shown).to_numpy())
        if not len(rows):
            raise UserError(f"subject: no scan of the archive is of '{shown}'; leave it empty where none is")
        return str(self.index.scans.column("subject_id")[int(rows[0])].as_py())

    def listed(self, words: str, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """How many scans have all of some words in subject, session, site or diagnosis; and a page of them."""
        mask = self.index.kept
        for word in words.lower().split()[:10]:
            mask = mask & pc.match_substring(self._words, word).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(mask)
        page = rows[offset : offset + limit]
        found = self.table.select(["subject_id", "session_id", "site", "diagnosis", "age", "sex"]).take(pa.array(page))
        values = [{**one, "age": _known(one["age"])} for one in found.to_pylist()]
        return len(rows), [{"scan": self.scan_id(int(row)), **one} for row, one in zip(page, values, strict=True)]

    def public(self, answer: Answer) -> Answer:
        """An answer as it may be seen."""
        hits, query = answer.hits.copy(), answer.query
        hits["query"] = query.name
        if not self.open:
            for name in ("subject_id", "session_id"):
                hits[name] = self.table.column(name).take(pa.array(answer.rows)).to_pylist()
            hits = hits.drop(columns="image")
            # Whether the subject is known is told, not who it is.
            query = replace(query, subject="known" if query.subject else "")
        return replace(answer, hits=hits, query=query)


class Archives:
    """The index in its newest generation; what was removed from it is found no longer.

    Parameters
    ----------
    folder
        Of the index.
    salt
        As for :class:`Shown`.

    Raises
    ------
    UserError
        For an index that cannot be used.
    """

    def __init__(self, folder: Path, salt: bytes | None) -> None:
        self._folder, self._salt, self._lock = folder, salt, threading.Lock()
        self._seen = self._looks()
        self._shown = Shown(Index(folder), salt)

    def current(self) -> Shown:
        """The index as it is now.

        Raises
        ------
        UserError
            If it cannot be used any more.
        """
        with self._lock:
            seen = self._looks()
            if seen != self._seen:
                index = Index(self._folder, check=False)
                if index.model.digest != self._shown.index.model.digest:
                    raise UserError("the archive was made anew by another model; start the server again")
                self._shown, self._seen = Shown(index, self._salt), seen
            return self._shown

    def _looks(self) -> tuple[int, ...]:
        try:
            state = (self._folder / INDEX).stat()
        except OSError as error:
            raise UserError(f"{INDEX}: the archive cannot be read: {error.strerror}") from None
        return state.st_ino, state.st_mtime_ns, state.st_size


def named(query: Query, name: str) -> Query:
    """A query by another name."""
    return replace(query, name=name)


def _known(age: float | None) -> float | None:
    return None if age is None or np.isnan(age) else age

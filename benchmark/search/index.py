"""An index: LDRs of an archive's scans by one model, on disk, to be searched while it grows and shrinks.

``index.json`` names the segments that make up the index (:mod:`benchmark.search.segments`), each file with its
checksum. Whatever changes the index writes new files, has them on the disk, and then replaces ``index.json`` in one
step, which is the next generation. So a process that is killed at any moment leaves the generation before or the one
after, and readers never see anything between. One writer at a time holds the lock; readers need none.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError
from benchmark.search.segments import (
    SEGMENTS,
    Floats,
    LoadedSegment,
    Segment,
    clean,
    load_segment,
    sync,
    write_segment,
)

#: Version of the format; another one is refused.
FORMAT = 1
INDEX = "index.json"
LOCK = ".lock"
#: Columns of every index, in order: names of the scan, what is known of it, its files, and the SHA-256 of their
#: content.
COLUMNS = ("scan_key", "subject_id", "session_id", "site", "diagnosis", "age", "sex", "image", "mask", "content")
NUMBERS = ("age", "field_strength")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
#: How often a reader looks again when a writer has removed the files that it was about to open.
ATTEMPTS = 20


@dataclass(frozen=True)
class IndexedModel:
    """The model that made the LDRs of an index.

    Attributes
    ----------
    name
        Of its method.
    digest
        SHA-256 of all that can change an LDR, in hexadecimal.
    centre
        Mean LDR of its training scans, shape (dimensions,).
    """

    name: str
    digest: str
    centre: npt.NDArray[np.float64]

    @property
    def dimensions(self) -> int:
        """Of an LDR."""
        return len(self.centre)

    def check_same(self, other: IndexedModel, folder: Path) -> None:
        """Refuse another model than that of an index.

        Raises
        ------
        UserError
            If the digests differ.
        """
        if self.digest != other.digest:
            raise UserError(
                f"{folder}: made by the model {self.name} {self.digest[:12]}; LDRs of another one, {other.name} "
                f"{other.digest[:12]}, cannot be compared with it"
            )


@dataclass(frozen=True)
class State:
    """What ``index.json`` says.

    Attributes
    ----------
    generation
        How often the index was changed.
    model
        Of its LDRs.
    segments
        Parts, in the order in which they were added.
    """

    generation: int
    model: IndexedModel
    segments: list[Segment]

    def to_json(self) -> dict[str, Any]:
        """As it is written, with its own checksum."""
        content = {
            "format": FORMAT,
            "generation": self.generation,
            "model": {"name": self.model.name, "digest": self.model.digest, "centre": self.model.centre.tolist()},
            "segments": [asdict(segment) for segment in self.segments],
        }
        return {**content, "sha256": _digest(content)}

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What an index's file says.

        Raises
        ------
        UserError
            For a folder that holds no index, a file that was changed, and another format.
        """
        path = folder / INDEX
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{path}: there is no such file; the folder of an index is needed") from None
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
        except (ValueError, RecursionError):
            raise UserError(f"{path}: is no JSON in UTF-8") from None
        found = content.get("format") if isinstance(content, dict) else None
        if found != FORMAT:
            raise UserError(f"{path}: format {found!r} is not allowed; this version of seada-bench reads {FORMAT}")
        if content.pop("sha256", None) != _digest(content):
            raise UserError(f"{path}: differs from its checksum; it was changed or damaged after it was written")
        try:
            said = content["model"]
            model = IndexedModel(str(said["name"]), str(said["digest"]), np.array(said["centre"], np.float64))
            return cls(int(content["generation"]), model, [Segment.of(each) for each in content["segments"]])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(f"{path}: has not the form of an index") from None

    def write(self, folder: Path) -> None:
        """Make this the state of the index, in one step."""
        with atomic_path(folder / INDEX) as temporary:
            temporary.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
        sync(folder)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Index:
    """An index as it was when it was opened; later changes do not reach it.

    Parameters
    ----------
    folder
        Of the index.
    check
        Compare every file with its checksum.

    Raises
    ------
    UserError
        For a folder that holds no index, and files that are missing, were changed, or are of another format.
    """

    def __init__(self, folder: str | Path, check: bool = True) -> None:
        self.folder = Path(folder)
        self._texts: dict[str, npt.NDArray[np.str_]] = {}
        for attempt in range(ATTEMPTS):
            self.state = State.read(self.folder)
            try:
                self.parts = [
                    load_segment(self.folder, segment, self.model.dimensions, check) for segment in self.state.segments
                ]
                return
            except FileNotFoundError as error:
                # A writer has merged the segments since the index file was read; the file then says so.
                if attempt == ATTEMPTS - 1 or State.read(self.folder).generation == self.state.generation:
                    raise UserError(f"{error.filename or error}: is missing; the index is damaged") from None

    @property
    def model(self) -> IndexedModel:
        """That made the LDRs."""
        return self.state.model

    def __len__(self) -> int:
        """Scans, without removed ones."""
        return int(self.kept.sum())

    @cached_property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Which rows are scans that were not removed, shape (rows,)."""
        return np.concatenate([np.zeros(0, bool), *(part.kept for part in self.parts)])

    @cached_property
    def scans(self) -> pa.Table:
        """What is known of each row; columns are :data:`COLUMNS` and others of the manifests."""
        return _joined(self.parts)

    def text(self, column: str) -> npt.NDArray[np.str_]:
        """A column of text, shape (rows,); read once."""
        if column not in self._texts:
            self._texts[column] = np.array(self.scans.column(column).to_pylist(), dtype=np.str_)
        return self._texts[column]

    def having(self, column: str, values: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Scans that were not removed and have one of some values in a column of text, shape (rows,)."""
        found = pc.is_in(self.scans.column(column), pa.array(list(values), pa.string()))
        mask: npt.NDArray[np.bool_] = self.kept & found.to_numpy()
        return mask

    def live(self, column: str) -> list[str]:
        """A column of text of the scans that were not removed."""
        values: list[str] = self.scans.column(column).filter(pa.array(self.kept)).to_pylist()
        return values

    def ldrs(self, rows: npt.NDArray[np.int64]) -> Floats:
        """LDRs of some rows, shape (rows, dimensions)."""
        found = np.empty((len(rows), self.model.dimensions), np.float32)
        start = 0
        for part in self.parts:
            inside = (rows >= start) & (rows < start + len(part.ldrs))
            found[inside] = part.ldrs[rows[inside] - start]
            start += len(part.ldrs)
        return found


class Writer:
    """Changes to an index, one after the other; made by :func:`writing`.

    Every method returns when its change is on the disk, to stay.
    """

    def __init__(self, folder: Path, state: State) -> None:
        self.folder, self.state = folder, state

    def opened(self) -> Index:
        """The index as it is now."""
        return Index(self.folder, check=False)

    def add(self, scans: pd.DataFrame, ldrs: Floats) -> int:
        """Add scans.

        Parameters
        ----------
        scans
            One row per scan: ``subject_id, session_id, site, diagnosis, age, sex, image, mask, content``, and others.
        ldrs
            Shape (scans, dimensions), finite.

        Returns
        -------
        int
            How many were added: those whose content is in the index are left out.

        Raises
        ------
        UserError
            For a scan with the names of another that is in the index or among these, and for LDRs of another shape
            or that are not finite.
        """
        if ldrs.shape != (len(scans), self.state.model.dimensions):
            needed = f"one finite vector of {self.state.model.dimensions} is needed per scan"
            raise UserError(f"LDRs: shape {ldrs.shape} is not allowed; {needed}")
        broken = ~np.isfinite(ldrs).all(axis=1)
        if broken.any():
            raise UserError(f"{scans['image'].to_numpy()[broken][0]}: its LDR has a value that is not finite")
        there = self.opened()
        known = {name: set(there.live(name)) for name in ("content", "scan_key")}
        frame = tidy(scans)
        new = ~frame["content"].isin(known["content"]) & ~frame["content"].duplicated()
        frame, ldrs = frame[new].reset_index(drop=True), ldrs[new.to_numpy()]
        clash = frame["scan_key"].isin(known["scan_key"]) | frame["scan_key"].duplicated()
        if clash.any():
            name = frame["scan_key"][clash].iloc[0]
            raise UserError(
                f"{self.folder}: scan {name} (site/subject/session) is in the index with other images; remove it first"
            )
        if frame.empty:
            return 0
        added = len(frame)
        segments = list(self.state.segments)
        # Like the digits of a counter: at most as many segments as the number of scans has bits, and a scan is copied
        # at most as often.
        while segments and segments[-1].rows <= len(frame) and segments[-1].recall is None:
            last = self._loaded(segments.pop())
            frame = aligned([_frame(last), frame])
            ldrs = np.concatenate([last.ldrs[last.kept], ldrs])
        self._commit([*segments, self._written(ldrs, frame)])
        return added

    def remove(self, rows: npt.NDArray[np.bool_]) -> int:
        """Remove scans.

        Parameters
        ----------
        rows
            Which rows of :meth:`opened`, shape (rows,).

        Returns
        -------
        int
            How many were removed.
        """
        segments, start, count = [], 0, 0
        for segment in self.state.segments:
            gone = rows[start : start + segment.rows] & segment.kept()
            removed = sorted({*segment.removed, *np.flatnonzero(gone).tolist()})
            segments.append(replace(segment, removed=removed))
            start, count = start + segment.rows, count + int(gone.sum())
        if count:
            self._commit(segments)
        return count

    def compact(self, graph: bool = False) -> None:
        """Write all scans into one segment, without those that were removed, whose LDRs leave the disk with it.

        Parameters
        ----------
        graph
            Build a graph for approximate search; scans that are added later are searched exactly until this is called
            again.
        """
        parts = [self._loaded(segment) for segment in self.state.segments]
        ldrs = np.concatenate([part.ldrs[part.kept] for part in parts]) if parts else np.zeros((0, 0), np.float32)
        frame = aligned([_frame(part) for part in parts])
        self._commit([self._written(ldrs, frame, graph)] if len(ldrs) else [])

    def _loaded(self, segment: Segment) -> LoadedSegment:
        # What goes into another file with a checksum of its own must be whole.
        try:
            return load_segment(self.folder, segment, self.state.model.dimensions, check=True)
        except FileNotFoundError as error:
            raise UserError(f"{error.filename or error}: is missing; the index is damaged") from None

    def _written(self, ldrs: Floats, frame: pd.DataFrame, graph: bool = False) -> Segment:
        return write_segment(self.folder, self.state.generation + 1, ldrs, self.state.model.centre, frame, graph)

    def _commit(self, segments: list[Segment]) -> None:
        state = State(self.state.generation + 1, self.state.model, segments)
        state.write(self.folder)
        self.state = state
        clean(self.folder, segments)


@contextmanager
def writing(folder: str | Path, model: IndexedModel | None = None) -> Iterator[Writer]:
    """Change an index; another writer is refused meanwhile.

    Parameters
    ----------
    folder
        Of the index.
    model
        Whose LDRs are added; None where none are.

    Raises
    ------
    UserError
        For a folder that holds no index, one of another model, one that cannot be written, and one that another process
        is changing.
    """
    folder = Path(folder)
    State.read(folder)
    with _locked(folder):
        state = State.read(folder)
        if model is not None:
            state.model.check_same(model, folder)
        clean(folder, state.segments)
        yield Writer(folder, state)


def create(folder: str | Path, model: IndexedModel) -> None:
    """Make an index without scans.

    Raises
    ------
    UserError
        If the folder holds anything, or cannot be made.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = sorted(path.name for path in folder.iterdir() if path.name not in (LOCK, SEGMENTS, "model"))
        if there:
            raise UserError(f"{folder}: is not empty ({there[0]}); give a new folder")
        (folder / SEGMENTS).mkdir(exist_ok=True)
        with _locked(folder):
            if (folder / INDEX).exists():
                raise UserError(f"{folder}: holds an index")
            State(0, model, []).write(folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}") from None


def tidy(scans: pd.DataFrame) -> pd.DataFrame:
    """Scans with the columns of an index: :data:`COLUMNS` first, then the others by name.

    ``age`` and ``field_strength`` are numbers, NaN where unknown, and so is any other column whose every known value is
    written as a number (007 is not: it is a name); all else is text, empty where unknown.
    """
    frame = scans.reset_index(drop=True).copy()
    frame["scan_key"] = [
        "/".join(map(str, names)) for names in zip(frame["site"], frame["subject_id"], frame["session_id"], strict=True)
    ]
    return _ordered(frame.rename(columns=str))


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    columns = {}
    for name in [*COLUMNS, *sorted(set(frame.columns) - set(COLUMNS))]:
        text = frame[name].astype(object).where(frame[name].notna(), "").astype(str)
        known = text[text != ""]
        free = name not in COLUMNS and len(known) > 0 and all(_NUMBER.fullmatch(str(value)) for value in known)
        number = name in NUMBERS or free
        columns[name] = pd.to_numeric(text, errors="coerce").astype(np.float64) if number else text
    return pd.DataFrame(columns)


def aligned(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Scans of several segments as one table."""
    return _ordered(pd.concat(frames, ignore_index=True)) if frames else pd.DataFrame()


def _frame(part: LoadedSegment) -> pd.DataFrame:
    frame: pd.DataFrame = part.scans.filter(pa.array(part.kept)).to_pandas()
    return frame


def _joined(parts: list[LoadedSegment]) -> pa.Table:
    if not parts:
        numbers = {name: pa.float64() for name in NUMBERS}
        return pa.schema([(name, numbers.get(name, pa.string())) for name in COLUMNS]).empty_table()
    if len(parts) == 1:
        return parts[0].scans
    tables = [part.scans for part in parts]
    if all(table.schema.equals(tables[0].schema) for table in tables):
        return pa.concat_tables(tables)
    return pa.Table.from_pandas(aligned([table.to_pandas() for table in tables]), preserve_index=False)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        lock = (folder / LOCK).open("w", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be changed: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{folder}: another process is changing this index; wait for it") from None
        yield

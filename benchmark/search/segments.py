"""Parts of an index: LDRs of some scans and what is known of them, written once and never changed."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from benchmark.data.parquet import read_arrow, write_parquet
from benchmark.errors import UserError
from benchmark.metrics.similarity import prepare
from benchmark.search.graph import Recall, build_graph, load_graph

if TYPE_CHECKING:
    from usearch.index import Index as Graph

#: Files of a segment: LDRs as the model gives them, the same as unit vectors that are searched, and the scans.
LDRS, UNITS, SCANS = "ldrs.npy", "units.npy", "scans.parquet"
#: One more, where the segment may be searched approximately.
GRAPH = "graph.usearch"
#: Folder of an index that holds its segments.
SEGMENTS = "segments"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Segment:
    """A segment as the index file names it.

    Attributes
    ----------
    name
        Of its folder.
    rows
        Scans in it, removed ones included.
    files
        File to its SHA-256 in hexadecimal.
    removed
        Positions of scans that were removed since it was written, ascending.
    recall
        Of its graph; None where it has none.
    """

    name: str
    rows: int
    files: dict[str, str]
    removed: list[int] = field(default_factory=list)
    recall: Recall | None = None

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Segment:
        """The segment of an entry of the index file.

        Raises
        ------
        ValueError, KeyError, TypeError
            For an entry that is none; a name that leads out of the index among them.
        """
        name, files, removed = str(entry["name"]), dict(entry["files"]), [int(each) for each in entry["removed"]]
        rows, said = int(entry["rows"]), entry["recall"]
        recall = None if said is None else Recall(float(said["share"]), int(said["queries"]))
        if (
            not name
            or set(name) - set("0123456789abcdef-")
            or set(files) != {LDRS, UNITS, SCANS, *[GRAPH][: bool(said)]}
        ):
            raise ValueError("a segment has another form")
        if removed != sorted(set(removed)) or (removed and not 0 <= removed[0] <= removed[-1] < rows):
            raise ValueError("a segment has another form")
        return cls(name, rows, {str(file): str(digest) for file, digest in files.items()}, removed, recall)

    def kept(self) -> npt.NDArray[np.bool_]:
        """Which scans were not removed, shape (rows,)."""
        kept = np.ones(self.rows, bool)
        kept[self.removed] = False
        return kept


@dataclass(frozen=True)
class LoadedSegment:
    """A segment's content, mapped into memory.

    Attributes
    ----------
    ldrs, units
        Shape (rows, dimensions), float32.
    scans
        One row per scan.
    kept
        Which scans were not removed, shape (rows,).
    graph_file
        Of its graph; None where it has none.
    """

    ldrs: Floats
    units: Floats
    scans: pa.Table
    kept: npt.NDArray[np.bool_]
    graph_file: Path | None

    @cached_property
    def graph(self) -> Graph | None:
        """For approximate search."""
        return None if self.graph_file is None else load_graph(self.graph_file, self.units.shape[1])


def unit_vectors(ldrs: Floats, centre: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Vectors whose products are the similarities of the benchmark's headline distance, shape (scans, dimensions)."""
    return prepare(ldrs.astype(np.float64), centre, "cosine_centred")


def write_segment(
    folder: Path, number: int, ldrs: Floats, centre: npt.NDArray[np.float64], scans: pd.DataFrame, graph: bool
) -> Segment:
    """Write a segment so that it survives a power cut; nothing refers to it yet.

    Parameters
    ----------
    folder
        Of the index.
    number
        Generation of the index that it comes with.
    ldrs
        Shape (scans, dimensions).
    centre
        Mean LDR of the training, shape (dimensions,).
    scans
        One row per scan.
    graph
        Whether it may be searched approximately.
    """
    name = f"{number:08d}-{secrets.token_hex(4)}"
    place = folder / SEGMENTS / name
    place.mkdir(parents=True)
    units = unit_vectors(ldrs, centre).astype(np.float32)
    for file, values in ((LDRS, ldrs), (UNITS, units)):
        with (place / file).open("wb") as stream:
            np.save(stream, np.ascontiguousarray(values, dtype=np.float32), allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
    write_parquet(scans, place / SCANS)
    recall = None
    if graph:
        recall = build_graph(units, place / GRAPH)
        sync(place / GRAPH)
    sync(place)
    sync(place.parent)
    files = [LDRS, UNITS, SCANS, *[GRAPH][: int(graph)]]
    return Segment(name, len(ldrs), {file: sha256(place / file) for file in files}, recall=recall)


def load_segment(folder: Path, segment: Segment, dimensions: int, check: bool) -> LoadedSegment:
    """Map a segment into memory.

    Parameters
    ----------
    folder
        Of the index.
    segment
        The segment.
    dimensions
        Of an LDR.
    check
        Read everything and compare it with its checksums.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    UserError
        If a file is not what was written.
    """
    place = folder / SEGMENTS / segment.name
    for file, digest in segment.files.items():
        if check and sha256(place / file) != digest:
            raise UserError(
                f"{place / file}: differs from its checksum; it was changed or damaged after it was written"
            )
    arrays = {file: _mapped(place / file, (segment.rows, dimensions)) for file in (LDRS, UNITS)}
    if not (place / SCANS).is_file():
        raise FileNotFoundError(place / SCANS)
    scans = read_arrow(place / SCANS)
    if scans.num_rows != segment.rows:
        raise UserError(f"{place / SCANS}: {scans.num_rows} rows; {segment.rows} are expected")
    graph = None if segment.recall is None else place / GRAPH
    return LoadedSegment(arrays[LDRS], arrays[UNITS], scans, segment.kept(), graph)


def _mapped(path: Path, shape: tuple[int, int]) -> Floats:
    try:
        # A file of pickled objects is refused, a map of no bytes impossible.
        values = np.load(path, mmap_mode="r" if shape[0] else None, allow_pickle=False)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: cannot be read as an array: {' '.join(str(error).split())}") from None
    if values.shape != shape or values.dtype != np.float32:
        raise UserError(f"{path}: shape {values.shape}, {values.dtype}; {shape}, float32 is expected")
    mapped: Floats = values
    return mapped


def clean(folder: Path, segments: list[Segment]) -> None:
    """Remove what no index file refers to: what a killed writer left, and what was merged."""
    names = {segment.name for segment in segments}
    for place in (folder / SEGMENTS).iterdir():
        if place.name not in names:
            shutil.rmtree(place, ignore_errors=True)


def sync(path: Path) -> None:
    """Have a file's content, or a folder's entries, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

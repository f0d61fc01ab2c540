"""Embeddings of any format, as the table that is scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmark.embeddings.h5ad import read_h5ad
from benchmark.embeddings.labels import mapped
from benchmark.embeddings.loaded import Loaded
from benchmark.embeddings.manifests import with_manifests
from benchmark.embeddings.npy import read_npy
from benchmark.embeddings.npz import read_npz
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.roles import remarks, scored_frame
from benchmark.embeddings.table import EmbeddingTable, numbered_columns, vectors_of
from benchmark.embeddings.tsv import load_rows
from benchmark.errors import UserError


def read_tabular(path: Path, options: ForeignOptions) -> Loaded:
    """Read a Parquet, CSV or TSV file whose LDR is in columns of the prefix ``options.vectors``, ``z`` by default.

    Raises
    ------
    UserError
        For what :func:`benchmark.embeddings.tsv.load_rows` and :func:`vectors_of` refuse.
    """
    frame, notes = load_rows(path)
    prefix = options.vectors or "z"
    vectors = vectors_of(path, frame, prefix, " (--vectors names their prefix)")
    return Loaded(path, path, frame.drop(columns=numbered_columns(frame, prefix)), vectors, notes)


#: Reader by suffix.
READERS: dict[str, Callable[[Path, ForeignOptions], Loaded]] = {
    ".parquet": read_tabular,
    ".csv": read_tabular,
    ".tsv": read_tabular,
    ".npz": read_npz,
    ".npy": read_npy,
    ".h5ad": read_h5ad,
}

#: Suffixes that an option has a meaning for.
_MEANT_FOR = {
    "rows": (".npz", ".npy"),
    "key": (".npz", ".h5ad"),
    "vectors": (".parquet", ".csv", ".tsv"),
}


def read_foreign(path: Path, options: ForeignOptions) -> EmbeddingTable:
    """Read and check embeddings that any software made.

    Parameters
    ----------
    path
        File whose suffix is a key of :data:`READERS`.
    options
        Where its parts are.

    Raises
    ------
    UserError
        For anything that cannot be used; the message is one line with file, row, column, value and what is allowed,
        or the manifests' own, a line for each of their problems.
    """
    if path.suffix not in READERS:
        raise UserError(f"{path}: suffix '{path.suffix}' is not allowed; allowed: {', '.join(READERS)}")
    loaded = with_manifests(mapped(READERS[path.suffix](path, options), options), options)
    return EmbeddingTable(scored_frame(loaded, options), {**loaded.notes, **remarks(loaded, options)})


def check_meant(suffixes: set[str], options: ForeignOptions) -> None:
    """Check that every option has a meaning for one of the files.

    Raises
    ------
    UserError
        For one that has none.
    """
    for name, meant in _MEANT_FOR.items():
        if getattr(options, name) is not None and not suffixes & set(meant):
            kinds = " and ".join(filter(None, (", ".join(meant[:-1]), meant[-1])))
            raise UserError(f"--{name}: is for {kinds} files; given: {', '.join(sorted(suffixes))}")

"""NPZ: vectors in an array of NumPy's archive, and what is known of the scans in a table beside it."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.embeddings.loaded import Loaded, among, same_length, vector_table
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.tsv import load_rows
from benchmark.errors import UserError

#: Names that an array of vectors has by convention.
ARRAYS = ("ldr", "embeddings")


def rows_of(path: Path, options: ForeignOptions) -> Path:
    """The table with the rows of an array: the one that is named, or the CSV or TSV file of the same stem."""
    if options.rows is None and (other := path.with_suffix(".tsv")).is_file() and not path.with_suffix(".csv").exists():
        return other
    return options.rows or path.with_suffix(".csv")


def with_rows(path: Path, name: str, array: Any, options: ForeignOptions) -> Loaded:
    """An array that a file calls by a name, with what is known of its rows.

    Raises
    ------
    UserError
        If the table of the rows cannot be read, or has another number of them.
    """
    vectors = vector_table(path, name, array)
    rows_path = rows_of(path, options)
    if options.rows is None and not rows_path.is_file():
        raise UserError(
            f"{rows_path}: no such file, nor {rows_path.with_suffix('.tsv').name}; one of them must hold the rows of "
            f"{path}, or --rows must name the file that does"
        )
    rows, notes = load_rows(rows_path)
    same_length(path, name, vectors, rows_path, rows)
    return Loaded(path, rows_path, rows, vectors, notes)


def read_npz(path: Path, options: ForeignOptions) -> Loaded:
    """Read vectors from an ``.npz`` file, and their rows from a table; nothing pickled is ever loaded.

    Parameters
    ----------
    path
        ``.npz``. The array is ``options.key``, or ``ldr``, or ``embeddings``, or the only one of floats that has two
        axes; shape (scans, dimensions).
    options
        ``key`` and ``rows``.

    Raises
    ------
    UserError
        For files that are missing or cannot be read, an array that is missing, ambiguous, pickled or of another
        shape or type, a value that is not finite, and another number of rows than of vectors.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    name, array = _array(path, options.key)
    return with_rows(path, name, array, options)


def _array(path: Path, key: str | None) -> tuple[str, Any]:
    try:
        # Asked first, for NumPy takes a lone array or a lone pickle under this suffix for what it is.
        if not zipfile.is_zipfile(path):
            raise UserError(f"{path}: cannot be read as npz: not a ZIP archive")
        with np.load(path, allow_pickle=False) as archive:
            names = list(archive.files)
            if key is not None and key not in names:
                raise UserError(f"{path}: array '{key}' (--key) is missing; found: {among(names)}")
            name = key or next((name for name in ARRAYS if name in names), None)
            if name is None:
                return _only_matrix(path, archive)
            return f"array '{name}'", _plain(path, archive, name)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, NotImplementedError, MemoryError) as error:
        raise UserError(f"{path}: cannot be read as npz: {' '.join(str(error).split()) or 'truncated'}") from None


def _plain(path: Path, archive: Any, name: str) -> Any:
    try:
        return archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise UserError(f"{path}: array '{name}': cannot be read: {' '.join(str(error).split())}") from None
        raise UserError(
            f"{path}: array '{name}': pickled Python objects are not allowed, nor loaded; it must hold numbers"
        ) from None


def _only_matrix(path: Path, archive: Any) -> tuple[str, Any]:
    matrices = {}
    for name in archive.files:
        try:
            array = archive[name]
        except ValueError:  # pickled objects are no matrix of floats
            continue
        if isinstance(array, np.ndarray) and array.ndim == 2 and array.dtype.kind == "f":
            matrices[name] = array
    if len(matrices) != 1:
        raise UserError(
            f"{path}: {len(matrices)} arrays of floats with two axes ({among(list(matrices))}) where one is expected; "
            f"--key names it, or call it 'ldr' or 'embeddings'; found: {among(list(archive.files))}"
        )
    ((name, array),) = matrices.items()
    return f"array '{name}'", array

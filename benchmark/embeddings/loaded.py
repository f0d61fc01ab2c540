"""Vectors and rows as a format gives them, before their columns have a meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.embeddings.table import check_finite
from benchmark.errors import UserError


@dataclass(frozen=True)
class Loaded:
    """One file of embeddings.

    Attributes
    ----------
    path
        File of the vectors.
    rows_path
        File that messages about row columns name.
    rows
        What is known of each scan, as written; an index from 0.
    vectors
        Columns ``z0`` to ``zD-1``, finite float32 or float64, a row for each of ``rows``.
    notes
        Remarks by name that tables show.
    """

    path: Path
    rows_path: Path
    rows: pd.DataFrame
    vectors: pd.DataFrame
    notes: dict[str, str] = field(default_factory=dict)


def vector_table(path: Path, name: str, array: Any) -> pd.DataFrame:
    """An array of vectors as the columns ``z0`` to ``zD-1``.

    Parameters
    ----------
    path
        File that messages name.
    name
        What the file calls the array.
    array
        Shape (scans, dimensions), integers or floats, finite. Floats of up to 32 bits become float32, other numbers
        float64.

    Raises
    ------
    UserError
        For another shape, another type, or a value that is not finite.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        kind = getattr(array, "dtype", type(array).__name__)
        raise UserError(f"{path}: {name}: type '{kind}' is not allowed; it must be an array of numbers")
    if array.ndim != 2 or 0 in array.shape:
        raise UserError(f"{path}: {name}: shape {array.shape} is not allowed; it must be (scans, dimensions)")
    small = array.dtype.kind == "f" and array.dtype.itemsize <= np.dtype(np.float32).itemsize
    vectors = array.astype(np.float32 if small else np.float64)
    check_finite(path, name, np.isfinite(vectors).all(axis=1), "every value must be finite")
    return pd.DataFrame(vectors, columns=[f"z{number}" for number in range(vectors.shape[1])])


def same_length(path: Path, name: str, vectors: pd.DataFrame, rows_path: Path, rows: pd.DataFrame) -> None:
    """Check that an array and the table of its rows have the same length.

    Raises
    ------
    UserError
        If they have not; the message says both.
    """
    if len(rows) != len(vectors):
        raise UserError(
            f"{path}: {name} has {len(vectors)} rows, but {rows_path} has {len(rows)}; "
            "one row per vector, in the same order, is expected"
        )


def among(names: list[str]) -> str:
    """Names for a message, or a word that there are none."""
    return ", ".join(f"'{name}'" for name in names) or "none"

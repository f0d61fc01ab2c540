"""Embeddings files: one row a scan, whatever software made them."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.data.parquet import read_arrow, write_parquet
from benchmark.errors import UserError

REQUIRED = ("subject_id", "session_id", "site", "diagnosis", "age", "sex")
SUFFIXES = (".parquet", ".csv")

#: Key of the notes in the Parquet file's schema metadata.
NOTES = b"seada_bench_notes"

#: Offending rows that one message lists.
LISTED = 10

_KEY = ["site", "subject_id", "session_id"]
_TEXT = ("subject_id", "session_id", "site", "diagnosis", "sex", "split")


@dataclass(frozen=True)
class EmbeddingTable:
    """Embeddings with what their maker notes about them.

    Attributes
    ----------
    frame
        Columns ``subject_id, session_id, site, diagnosis, sex`` (text, empty where unknown), ``age`` (years, NaN
        where unknown), ``split`` where the file has it, other columns of the file, and ``z0`` to ``zD-1`` (finite;
        float32 from Parquet, float64 from CSV).
    notes
        Remarks by name, such as ``transductive``; empty for CSV.
    """

    frame: pd.DataFrame
    notes: dict[str, str] = field(default_factory=dict)


def ldr_columns(frame: pd.DataFrame) -> list[str]:
    """Names of the LDR's columns, ``z0`` to ``zD-1``, in order."""
    return numbered_columns(frame, "z")


def numbered_columns(frame: pd.DataFrame, letter: str) -> list[str]:
    """Names of the columns that are a letter and a number, such as ``m0, m1, ...``, in the order of the numbers."""
    pattern = re.compile(letter + "(0|[1-9][0-9]*)")
    found = sorted(int(match[1]) for name in frame.columns if (match := pattern.fullmatch(str(name))))
    return [f"{letter}{number}" for number in found]


def read_embeddings(path: Path) -> EmbeddingTable:
    """Read and check an embeddings file.

    Parameters
    ----------
    path
        ``.parquet`` or ``.csv`` (UTF-8, comma).

    Raises
    ------
    UserError
        For a file that is missing, unreadable or of another kind; a missing column; a gap in ``z0..zD-1``; an empty
        subject, session or site; a scan in two rows; an age or LDR value that is no number, and an LDR value that
        is not finite. The message names the file, the row, the column, the value and what is allowed. Rows count
        from 1 without the header.
    """
    frame, notes = load_table(Path(path))
    missing = [name for name in REQUIRED if name not in frame]
    if missing:
        raise UserError(
            f"{path}: column '{missing[0]}' is missing; required: {', '.join(REQUIRED)}, z0..zD-1; "
            f"found: {', '.join(map(str, frame.columns))}"
        )
    columns = ldr_columns(frame)
    for number, name in enumerate(columns):
        if name != f"z{number}":
            raise UserError(
                f"{path}: column 'z{number}' is missing, but there is '{name}'; allowed: z0..zD-1 without a gap"
            )
    if not columns:
        raise UserError(f"{path}: column 'z0' is missing; the LDR must be in columns z0..zD-1")
    if len(frame) == 0:
        raise UserError(f"{path}: no rows; one row per scan is expected")
    for name in _TEXT:
        if name in frame:
            frame[name] = frame[name].astype(object).map(as_text)
    check_keys(path, frame)
    frame["age"] = numbers(path, frame, "age", finite=False)
    vectors = {name: numbers(path, frame, name, finite=True) for name in columns}
    rest = [name for name in frame.columns if name not in columns]
    return EmbeddingTable(pd.concat([frame[rest], pd.DataFrame(vectors, index=frame.index)], axis=1), notes)


def write_embeddings(frame: pd.DataFrame, path: Path, notes: dict[str, str] | None = None) -> None:
    """Write embeddings as Parquet; equal content gives equal bytes.

    Parameters
    ----------
    frame
        Columns as in :class:`EmbeddingTable`; LDR columns are stored as float32.
    path
        File to write; written under a temporary name and renamed.
    notes
        Remarks by name, kept in the file's schema metadata.

    Raises
    ------
    UserError
        If a required or LDR column is missing.
    """
    missing = [name for name in (*REQUIRED, "z0") if name not in frame]
    if missing:
        raise UserError(f"{path}: column '{missing[0]}' is missing; required: {', '.join(REQUIRED)}, z0..zD-1")
    table = frame.astype(dict.fromkeys(ldr_columns(frame), np.float32))
    write_parquet(table, path, {NOTES: json.dumps(notes or {}, sort_keys=True).encode()})


def load_table(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Columns of a Parquet or CSV file as they are, and the notes of its maker; CSV gives text alone.

    Parameters
    ----------
    path
        ``.parquet`` or ``.csv`` (UTF-8, comma).

    Raises
    ------
    UserError
        For a file that is missing, unreadable or of another kind, and a column that is there twice.
    """
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path}: suffix '{path.suffix}' is not allowed; allowed: {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        if path.suffix == ".csv":
            return _load_csv(path), {}
    except (csv.Error, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as csv: {' '.join(str(error).split())}") from None
    table = read_arrow(path)
    _check_header(path, table.column_names)
    stored = (table.schema.metadata or {}).get(NOTES, b"{}")
    return table.to_pandas(ignore_metadata=True), json.loads(stored)


def _load_csv(path: Path) -> pd.DataFrame:
    # The csv module, for pandas renames repeated columns, and takes a surplus value for an index.
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header, *rows = [line for line in csv.reader(stream) if line] or [[]]
    _check_header(path, header)
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise UserError(f"{path}: row {number}: {len(row)} values for {len(header)} columns")
    return pd.DataFrame(rows, columns=header, dtype=object)


def _check_header(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{path}: column '{twice[0]}' is there {names.count(twice[0])} times; once is allowed")


def as_text(value: Any) -> str:
    """A cell as text: empty for None, NaN and NA; 7 for the 7.0 that an integer becomes in a column with gaps."""
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA:
        return ""
    if isinstance(value, float) and value.is_integer():
        # Numeric identifiers with a gap come out of Parquet as floats.
        return str(int(value))
    return str(value)


def check_keys(path: Path, frame: pd.DataFrame) -> None:
    """Check that every row names a scan by site, subject and session, and no two rows the same one.

    Parameters
    ----------
    path
        File that the message names.
    frame
        Columns ``site, subject_id, session_id``, text.

    Raises
    ------
    UserError
        For an empty value, and for a scan in two rows.
    """
    for name in _KEY:
        empty = np.flatnonzero(frame[name] == "")
        if len(empty):
            raise UserError(f"{path}: row {empty[0] + 1}, column '{name}': empty is not allowed")
    twice = frame.duplicated(_KEY)
    if twice.any():
        row = int(np.flatnonzero(twice)[0])
        scan = "/".join(str(frame[name].iloc[row]) for name in _KEY)
        first = int(np.flatnonzero((frame[_KEY] == frame.loc[row, _KEY]).all(axis=1))[0])
        raise UserError(
            f"{path}: row {row + 1}: scan '{scan}' (site/subject_id/session_id) is in row {first + 1} already; "
            "one row per scan is allowed"
        )


def numbers(path: Path, frame: pd.DataFrame, name: str, finite: bool) -> pd.Series:
    """A column as float64, or float32 where it is that; NaN where it is empty or ``NA``, if that is allowed.

    Parameters
    ----------
    path
        File that the message names.
    frame
        The table.
    name
        Its column.
    finite
        Whether every value must be finite; otherwise values may be absent.

    Raises
    ------
    UserError
        For a value that is no number, is infinite, or is absent where it must be finite.
    """
    column = frame[name]
    text = column.astype(object).map(as_text).str.strip().str.lower() if column.dtype.kind not in "fiu" else None
    found = pd.to_numeric(column if text is None else text.replace(["na", "n/a", ""], "nan"), errors="coerce")
    kind = "a finite number" if finite else "a number of years or empty"
    if text is not None:
        wrong = np.flatnonzero(found.isna() & ~text.isin(["na", "n/a", "nan", ""]))
        if len(wrong):
            given = column.iloc[wrong[0]]
            raise UserError(f"{path}: row {wrong[0] + 1}, column '{name}': '{given}' is not allowed; it must be {kind}")
    values = found.to_numpy(np.float64)
    bad = np.flatnonzero(~np.isfinite(values) if finite else np.isinf(values))
    if len(bad):
        rows = ", ".join(str(row + 1) for row in bad[:LISTED]) + (", ..." if len(bad) > LISTED else "")
        raise UserError(
            f"{path}: column '{name}': NaN or infinite in {len(bad)} of {len(frame)} rows ({rows}); it must be {kind}"
        )
    return found if found.dtype == np.float32 else found.astype(np.float64)

"""Embeddings files: one row per scan, whatever software made them."""

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
import numpy.typing as npt
import pandas as pd

from benchmark.data.parquet import read_arrow, write_parquet
from benchmark.errors import UserError

REQUIRED = ("subject_id", "session_id", "site", "diagnosis", "age", "sex")
SUFFIXES = (".parquet", ".csv")

#: Key of the notes in the Parquet file's schema metadata.
NOTES = b"seada_bench_notes"

#: Offending rows or scans that one message lists.
LISTED = 10

#: Columns that together name a scan.
KEY = ["site", "subject_id", "session_id"]
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


def numbered_columns(frame: pd.DataFrame, prefix: str) -> list[str]:
    """Names of the columns that are a prefix and a number, such as ``m0, m1, ...``, in the order of the numbers."""
    pattern = re.compile(re.escape(prefix) + "(0|[1-9][0-9]*)")
    found = sorted(int(match[1]) for name in frame.columns if (match := pattern.fullmatch(str(name))))
    return [f"{prefix}{number}" for number in found]


def vectors_of(path: Path, frame: pd.DataFrame, prefix: str = "z", hint: str = "") -> pd.DataFrame:
    """The LDR of a table, from the columns ``PREFIX0`` to ``PREFIXD-1``, as ``z0`` to ``zD-1``.

    Raises
    ------
    UserError
        For no row, no such column, a gap in their numbers, and a value that is not finite; ``hint`` ends what is said
        of a column that is missing.
    """
    names = numbered_columns(frame, prefix)
    wanted = [f"{prefix}{number}" for number in range(max(len(names), 1))]
    if names != wanted:
        place = next(place for place, name in enumerate(wanted) if name not in names)
        there = f", but there is '{names[place]}'" if names else ""
        allowed = f"the LDR must be in columns {prefix}0..{prefix}D-1 without a gap{hint}"
        raise UserError(f"{path}: column '{wanted[place]}' is missing{there}; {allowed}; found: {_names(frame)}")
    if frame.empty:
        raise UserError(f"{path}: no rows; one row per scan is expected")
    vectors = {f"z{number}": numbers(path, frame, name, finite=True) for number, name in enumerate(names)}
    return pd.DataFrame(vectors, index=frame.index)


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
        required = f"required: {', '.join(REQUIRED)}, z0..zD-1"
        raise UserError(f"{path}: column '{missing[0]}' is missing; {required}; found: {_names(frame)}")
    vectors = vectors_of(path, frame)
    for name in _TEXT:
        if name in frame:
            frame[name] = frame[name].astype(object).map(as_text)
    check_keys(path, frame)
    frame["age"] = numbers(path, frame, "age", finite=False)
    return EmbeddingTable(pd.concat([frame.drop(columns=list(vectors)), vectors], axis=1), notes)


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


def listed(items: Sequence[object]) -> str:
    """The first of several items, for a message."""
    return ", ".join(map(str, items[:LISTED])) + (", ..." if len(items) > LISTED else "")


def check_values(path: Path, name: str, values: pd.Series, wrong: pd.Series, allowed: str) -> None:
    """Refuse a column of a file for the first value that is wrong, by its row; ``allowed`` says what is."""
    rows = np.flatnonzero(wrong)
    if len(rows):
        value = as_text(values.iloc[rows[0]])
        given = f"{value!r} is not allowed; {allowed}" if value else "empty is not allowed"
        raise UserError(f"{path}: row {rows[0] + 1}, column '{name}': {given}")


def check_finite(path: Path, what: str, finite: npt.NDArray[np.bool_], allowed: str) -> None:
    """Refuse numbers of a file for those that are NaN or infinite, by row; shape of ``finite`` (rows,)."""
    bad = np.flatnonzero(~finite)
    if len(bad):
        rows = f"NaN or infinite in {len(bad)} of {len(finite)} rows ({listed((bad + 1).tolist())})"
        raise UserError(f"{path}: {what}: {rows}; {allowed}")


def check_keys(path: Path, frame: pd.DataFrame) -> None:
    """Check that the texts in ``site, subject_id, session_id`` name a scan in every row, and no two rows the same one.

    Raises
    ------
    UserError
        For an empty value, and for a scan in two rows, in the name of the file.
    """
    for name in KEY:
        check_values(path, name, frame[name], frame[name] == "", "")
    # Scans are ordered by their joined key: a/b + c must not be a + b/c.
    for separator, problem in (
        ("\0", "is in row {} already; one row per scan is allowed"),
        ("/", "reads like that of row {}; '/' is not allowed in these names"),
    ):
        scans = frame[KEY].agg(separator.join, axis=1)
        twice = np.flatnonzero(scans.duplicated())
        if len(twice):
            scan, first = scans.iloc[twice[0]], np.flatnonzero(scans == scans.iloc[twice[0]])[0]
            named = f"scan '{scan.replace(separator, '/')}' (site/subject_id/session_id)"
            raise UserError(f"{path}: row {twice[0] + 1}: {named} {problem.format(first + 1)}")


def numbers(path: Path, frame: pd.DataFrame, name: str, finite: bool) -> pd.Series:
    """A column as float64, or float32 where it is that; NaN where it is empty or ``NA``, if that is allowed.

    Raises
    ------
    UserError
        For a value that is no number, is infinite, or is absent where it must be finite, in the name of the file.
    """
    column = frame[name]
    allowed = f"it must be {'a finite number' if finite else 'a number of years or empty'}"
    if column.dtype.kind in "fiu":
        found = pd.to_numeric(column)
    else:
        text = column.astype(object).map(as_text).str.strip().str.lower().replace(["na", "n/a", ""], "nan")
        found = pd.to_numeric(text, errors="coerce")
        check_values(path, name, column, found.isna() & (text != "nan"), allowed)
    values = found.to_numpy(np.float64)
    check_finite(path, f"column '{name}'", np.isfinite(values) if finite else ~np.isinf(values), allowed)
    return found if found.dtype == np.float32 else found.astype(np.float64)


def _names(frame: pd.DataFrame) -> str:
    return ", ".join(map(str, frame.columns))

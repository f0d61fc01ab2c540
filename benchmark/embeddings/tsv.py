"""Tables of embeddings with tabs between the values, beside those that :mod:`benchmark.embeddings.table` reads."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

from benchmark.embeddings.table import SUFFIXES, load_table
from benchmark.errors import UserError

SUFFIX = ".tsv"


def load_rows(path: Path) -> tuple[pd.DataFrame, dict[str, str]]:
    """Columns of a Parquet, CSV or TSV file as they are, and the notes of its maker.

    Parameters
    ----------
    path
        ``.parquet``, ``.csv`` or ``.tsv`` (UTF-8).

    Raises
    ------
    UserError
        As :func:`benchmark.embeddings.table.load_table`.
    """
    if path.suffix != SUFFIX:
        if path.suffix not in SUFFIXES:
            allowed = ", ".join((*SUFFIXES, SUFFIX))
            raise UserError(f"{path}: suffix '{path.suffix}' is not allowed; allowed: {allowed}")
        return load_table(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header, *rows = [line for line in csv.reader(stream, delimiter="\t") if line] or [[]]
    except (csv.Error, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as tsv: {' '.join(str(error).split())}") from None
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise UserError(f"{path}: column '{twice[0]}' is there {header.count(twice[0])} times; once is allowed")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise UserError(f"{path}: row {number}: {len(row)} values for {len(header)} columns")
    return pd.DataFrame(rows, columns=header, dtype=object), {}

"""Parquet and CSV: vectors and what is known of the scans in one table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmark.embeddings.loaded import Loaded
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.table import ldr_columns, load_table, numbers
from benchmark.errors import UserError


def read_tabular(path: Path, options: ForeignOptions) -> Loaded:
    """Read a Parquet or CSV file whose LDR is in the columns ``PREFIX0`` to ``PREFIXD-1``.

    Parameters
    ----------
    path
        ``.parquet`` or ``.csv``.
    options
        ``vectors`` is the prefix. With another prefix than ``z``, columns ``z0, z1, ...`` are no part of the LDR and
        are left out.

    Raises
    ------
    UserError
        For a file that cannot be read or has no row, a gap in the LDR's columns, and a value in them that is not
        finite.
    """
    frame, notes = load_table(path)
    if frame.empty:
        raise UserError(f"{path}: no rows; one row per scan is expected")
    names = _numbered(path, list(map(str, frame.columns)), options.vectors or "z")
    vectors = {f"z{number}": numbers(path, frame, name, finite=True) for number, name in enumerate(names)}
    rows = frame.drop(columns=names)
    return Loaded(path, path, rows.drop(columns=ldr_columns(rows)), pd.DataFrame(vectors), notes)


def _numbered(path: Path, columns: Sequence[str], prefix: str) -> list[str]:
    pattern = re.compile(re.escape(prefix) + "(0|[1-9][0-9]*)")
    found = sorted(int(match[1]) for name in columns if (match := pattern.fullmatch(name)))
    allowed = f"the LDR must be in columns {prefix}0..{prefix}D-1 without a gap"
    if not found:
        raise UserError(
            f"{path}: column '{prefix}0' is missing; {allowed} (--vectors names their prefix); "
            f"found: {', '.join(columns)}"
        )
    for number, there in enumerate(found):
        if there != number:
            raise UserError(f"{path}: column '{prefix}{number}' is missing, but there is '{prefix}{there}'; {allowed}")
    return [f"{prefix}{number}" for number in found]

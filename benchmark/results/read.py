"""Read a results folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.parquet import read_arrow
from benchmark.errors import UserError
from benchmark.results.migrate import migrated_provenance, migrated_table
from benchmark.results.schema import (
    BOOLEANS,
    HEADLINE_REPLICATES,
    NUMBERS,
    PROVENANCE,
    REPLICATES,
    RUN_COLUMNS,
    SCHEMA_VERSION,
    SCORE_COLUMNS,
    SCORES,
    SCORES_CSV,
    WHOLE,
    with_parameters,
)

#: Entry of the Parquet metadata that holds the schema's version.
VERSION_KEY = b"seada_bench.schema_version"

_BOOLEANS = {"True": True, "False": False, "true": True, "false": False, "": None}


@dataclass(frozen=True)
class StoredResults:
    """A results folder as it was read.

    Attributes
    ----------
    folder
        Where it lies; None for results that were not saved.
    scores
        Long score table: :data:`benchmark.results.schema.SCORE_COLUMNS` and the parameters.
    provenance
        Content of ``provenance.json``; empty where there is none.
    """

    folder: Path | None
    scores: pd.DataFrame
    provenance: dict[str, Any]

    def replicates(self) -> pd.DataFrame | None:
        """Table of replicates; None where the folder has none, as the committed ones."""
        return self._table(REPLICATES)

    def headline_replicates(self) -> pd.DataFrame | None:
        """Those replicates that the statistics between methods need, if not more; None where the folder has none."""
        full = self.replicates()
        return self._table(HEADLINE_REPLICATES) if full is None else full

    def _table(self, name: str) -> pd.DataFrame | None:
        path = None if self.folder is None else self.folder / name
        return read_table(path) if path is not None and path.is_file() else None


def read_results(folder: Path) -> StoredResults:
    """Read scores and provenance of a results folder, of this schema version or an earlier one.

    Raises
    ------
    UserError
        If the folder holds neither ``scores.parquet`` nor ``scores.csv``; if a file in it cannot be read, lacks a
        column, is of a later version or holds a value that is not allowed; if a score is there twice.
    """
    path = folder / SCORES
    if path.is_file():
        scores = read_table(path)
    elif (folder / SCORES_CSV).is_file():
        path = folder / SCORES_CSV
        scores = _read_csv(path)
    else:
        raise UserError(f"{folder}: holds no {SCORES}; give the results folder of a sweep or of evaluate")
    missing = [column for column in SCORE_COLUMNS if column not in scores]
    if missing:
        raise UserError(f"{path}: column '{missing[0]}' is missing; scores have {', '.join(SCORE_COLUMNS)}")
    _check_once(path, scores)
    return StoredResults(folder, scores, read_provenance(folder / PROVENANCE))


def read_table(path: Path) -> pd.DataFrame:
    """Scores or replicates from Parquet, of this schema version or an earlier one.

    Raises
    ------
    UserError
        If it cannot be read or is of a later version.
    """
    table = read_arrow(path)
    version = int((table.schema.metadata or {}).get(VERSION_KEY, b"1"))
    if version > SCHEMA_VERSION:
        raise UserError(
            f"{path}: its schema version is {version}, this seada-bench knows up to {SCHEMA_VERSION}; use a later one"
        )
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return migrated_table(frame)


def read_provenance(path: Path) -> dict[str, Any]:
    """Content of a provenance file; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: a {type(found).__name__} is not allowed; it must be a JSON object")
    return migrated_provenance(found)


def numbers(path: Path, text: pd.Series, name: str, whole: bool = False) -> pd.Series:
    """A column of a CSV file that was read as text, as numbers; NaN where it is empty.

    Parameters
    ----------
    path
        The file, for errors.
    text
        The column.
    name
        Its name, for errors.
    whole
        Whether it holds whole numbers, none missing.

    Raises
    ------
    UserError
        For anything else in it, with its row.
    """
    found = pd.to_numeric(text.replace("nan", ""), errors="coerce")
    wrong = found.isna() & (whole | ~text.isin(["", "nan"]))
    if whole:
        wrong |= found % 1 != 0
    if wrong.any():
        kind = "a whole number" if whole else "a number or empty"
        row = int(wrong.to_numpy().argmax())
        raise UserError(f"{path}: row {row + 1}, column '{name}': '{text.iloc[row]}' is not allowed; it must be {kind}")
    # Not as to_numeric reads them: it may be off by the last bit.
    return found.astype("int64") if whole else text.replace({"": "nan"}).astype(float)


def _read_csv(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from None
    table = migrated_table(table)
    for name in [name for name in (*NUMBERS, *WHOLE) if name in table]:
        table[name] = numbers(path, table[name], name, whole=name in WHOLE)
    for name in [name for name in BOOLEANS if name in table]:
        unknown = sorted(set(table[name]) - set(_BOOLEANS))
        if unknown:
            raise UserError(f"{path}: column '{name}': '{unknown[0]}' is not allowed; allowed: True, False, empty")
        table[name] = table[name].map(_BOOLEANS)
    return table


def _check_once(path: Path, scores: pd.DataFrame) -> None:
    identity = [*RUN_COLUMNS, "table", "metric", "parameters", "subgroup"]
    keyed = with_parameters(scores)
    twice = keyed.duplicated(identity)
    if twice.any():
        row = keyed.loc[twice.to_numpy().argmax(), identity]
        named = ", ".join(f"{name} '{value}'" for name, value in row.items())
        raise UserError(f"{path.parent}: the scores hold one score twice: {named}")

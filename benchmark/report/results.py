"""Results folders as they are read back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.parquet import read_parquet
from benchmark.errors import UserError
from benchmark.report.tables import SCORE_COLUMNS

SCORES = "scores.parquet"
PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class Results:
    """A results folder.

    Attributes
    ----------
    folder
        Where it lies.
    scores
        Long score table with the columns :data:`benchmark.report.tables.SCORE_COLUMNS`.
    provenance
        Content of ``provenance.json``; empty where there is none, as for scored foreign embeddings.
    """

    folder: Path
    scores: pd.DataFrame
    provenance: dict[str, Any]


def read_results(folder: Path) -> Results:
    """Read the scores and the provenance of a results folder.

    Raises
    ------
    UserError
        If the folder holds no ``scores.parquet``, or a file in it cannot be read or lacks a column.
    """
    path = folder / SCORES
    if not path.is_file():
        raise UserError(f"{folder}: holds no {SCORES}; give the results folder of a sweep or of evaluate")
    scores = read_parquet(path)
    missing = [column for column in SCORE_COLUMNS if column not in scores]
    if missing:
        raise UserError(f"{path}: column '{missing[0]}' is missing; scores have {', '.join(SCORE_COLUMNS)}")
    return Results(folder, scores[list(SCORE_COLUMNS)], read_provenance(folder / PROVENANCE))


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
    return found

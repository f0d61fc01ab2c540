"""Write the files of a results folder; equal content gives equal bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.data.parquet import write_parquet
from benchmark.results.read import VERSION_KEY
from benchmark.results.schema import (
    PROVENANCE,
    REPLICATE_COLUMNS,
    REPLICATES,
    SCHEMA_VERSION,
    SCORE_COLUMNS,
    SCORES,
    SCORES_CSV,
    arranged,
)

_METADATA = {VERSION_KEY: str(SCHEMA_VERSION).encode()}


def write_scores(scores: pd.DataFrame, out: Path) -> None:
    """Write the long table as ``scores.parquet`` and ``scores.csv``.

    Parameters
    ----------
    scores
        :data:`benchmark.results.schema.SCORE_COLUMNS` and the parameters, rows in any order.
    out
        Results folder; made where missing.
    """
    table = arranged(scores, SCORE_COLUMNS, after="version")
    out.mkdir(parents=True, exist_ok=True)
    write_parquet(table, out / SCORES, _METADATA)
    write_csv(table, out / SCORES_CSV)


def write_replicates(replicates: pd.DataFrame, out: Path) -> None:
    """Write ``replicates.parquet``.

    Parameters
    ----------
    replicates
        :data:`benchmark.results.schema.REPLICATE_COLUMNS` and the parameters, rows in any order.
    out
        Results folder; made where missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_parquet(arranged(replicates, REPLICATE_COLUMNS, after="metric"), out / REPLICATES, _METADATA)


def write_provenance(provenance: dict[str, Any], out: Path) -> None:
    """Write ``provenance.json``."""
    content = {"schema_version": SCHEMA_VERSION, **provenance}
    with atomic_path(out / PROVENANCE) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, in UTF-8 with Unix line ends."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")

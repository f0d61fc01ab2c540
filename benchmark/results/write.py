"""Write the files of a results folder; equal content gives equal bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.data.atomic import atomic_path
from benchmark.data.parquet import write_parquet
from benchmark.results.read import VERSION_KEY
from benchmark.results.schema import (
    HEADLINE_REPLICATES,
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


def write_headline_replicates(replicates: pd.DataFrame, out: Path) -> None:
    """Write ``replicates_headline.parquet``: single precision, its bytes sorted by significance, so that they pack.

    Parameters
    ----------
    replicates
        As for :func:`write_replicates`, of the scores that the statistics between methods are made of.
    out
        Results folder; made where missing.
    """
    out.mkdir(parents=True, exist_ok=True)
    table = arranged(replicates, REPLICATE_COLUMNS, after="metric")
    drawn = pa.array([np.asarray(each, np.float32) for each in table.pop("replicates")], pa.list_(pa.float32()))
    packed = pa.Table.from_pandas(table, preserve_index=False).append_column("replicates", drawn)
    values = "replicates.list.element"
    with atomic_path(out / HEADLINE_REPLICATES) as temporary:
        pq.write_table(
            packed.replace_schema_metadata(_METADATA),
            temporary,
            compression="zstd",
            compression_level=19,
            version="2.6",
            use_dictionary=[name for name in packed.column_names if name != "replicates"],
            use_byte_stream_split=[values],
            write_page_checksum=True,
        )


def write_provenance(provenance: dict[str, Any], out: Path) -> None:
    """Write ``provenance.json``."""
    content = {"schema_version": SCHEMA_VERSION, **provenance}
    with atomic_path(out / PROVENANCE) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, in UTF-8 with Unix line ends."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")

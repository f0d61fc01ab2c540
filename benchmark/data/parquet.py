"""Parquet files whose pages carry checksums, so that a torn or decayed one is told from a whole one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.data.atomic import atomic_path
from benchmark.errors import UserError


def write_parquet(frame: pd.DataFrame, path: Path, metadata: dict[bytes, bytes] | None = None) -> None:
    """Write a table under a temporary name and rename it; equal content gives equal bytes.

    Parameters
    ----------
    frame
        The table; its index is left out.
    path
        File to write; its folder must exist.
    metadata
        Of the schema. pandas' own is left out, as it holds its version, which would change the bytes.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(metadata)
    with atomic_path(path) as temporary:
        pq.write_table(
            table, temporary, compression="zstd", compression_level=3, version="2.6", write_page_checksum=True
        )


def read_arrow(path: Path) -> pa.Table:
    """Table of one file, every page checked against its checksum where it has one.

    Raises
    ------
    UserError
        For a file that cannot be opened, is no Parquet, or is damaged.
    """
    try:
        # One file, not a data set: a folder such as site=A above it must not become a column.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            return file.read()
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: cannot be read as parquet: {' '.join(str(error).split())}") from None

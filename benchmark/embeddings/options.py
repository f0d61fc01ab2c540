"""What a user may say about embeddings that other software made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ForeignOptions:
    """Where the parts of foreign embeddings are; what is None or empty takes its default.

    Attributes
    ----------
    rows
        Table (Parquet or CSV) with the rows of an ``.npz`` array; the CSV file of the same stem by default.
    key
        Array of an ``.npz`` file, or entry of ``obsm`` of an ``.h5ad`` file.
    manifests
        Per-site manifests that supply site, diagnosis, age, sex and split.
    label
        Column that scans are retrieved by; ``diagnosis`` by default.
    site, subject, session
        Columns in place of ``site``, ``subject_id`` and ``session_id``.
    vectors
        Prefix of the LDR's columns in a Parquet or CSV file; ``z`` by default.
    """

    rows: Path | None = None
    key: str | None = None
    manifests: tuple[Path, ...] = ()
    label: str | None = None
    site: str | None = None
    subject: str | None = None
    session: str | None = None
    vectors: str | None = None

"""What a user may say about embeddings that other software made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ForeignOptions:
    """Where the parts of foreign embeddings are; what is None or empty takes its default.

    Attributes
    ----------
    rows
        Table (Parquet, CSV or TSV) with the rows of an ``.npz`` or ``.npy`` array; the CSV or TSV file of the same stem
        by default.
    key
        Array of an ``.npz`` file, or entry of ``obsm`` of an ``.h5ad`` file.
    manifests
        Per-site manifests that supply site, diagnosis, age, sex and split.
    label
        Column that scans are retrieved by; ``diagnosis`` by default.
    site, subject, session
        Columns in place of ``site``, ``subject_id`` and ``session_id``.
    vectors
        Prefix of the LDR's columns in a Parquet, CSV or TSV file; ``z`` by default.
    map
        New label by old one, by column, such as ``{"diagnosis": {"control": "CN"}}``.
    """

    rows: Path | None = None
    key: str | None = None
    manifests: tuple[Path, ...] = ()
    label: str | None = None
    site: str | None = None
    subject: str | None = None
    session: str | None = None
    vectors: str | None = None
    map: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

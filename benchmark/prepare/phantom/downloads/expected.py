"""What a replica's maker knows of the scans in it, for comparison with what an importer finds."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import UserError


@dataclass(frozen=True)
class Expected:
    """One scan that belongs in a manifest.

    Attributes
    ----------
    subject_id, session_id
        As in the manifest.
    image
        Path within the replica.
    diagnosis
        Of the manifest; "" where unknown.
    age
        Years at the scan, rounded to two digits.
    sex
        ``F`` or ``M``.
    manufacturer, model, field_strength
        Of the scanner.
    """

    subject_id: str
    session_id: str
    image: str
    diagnosis: str
    age: float
    sex: str
    manufacturer: str
    model: str
    field_strength: float


def check_subjects(subjects: int, fewest: int) -> None:
    """Refuse to write a replica that is too small for its oddities.

    Raises
    ------
    UserError
        For fewer subjects than are needed.
    """
    if subjects < fewest:
        raise UserError(f"subjects: {subjects} is not allowed; a replica with every oddity has at least {fewest}")


def write_csv(
    path: Path,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    encoding: str = "utf-8",
    separator: str = ",",
    quote: bool = False,
) -> None:
    """Write a table with line ends of one character.

    Parameters
    ----------
    path
        Of the file; folders are made.
    header, rows
        Of the table.
    encoding
        ``utf-8-sig`` for a byte-order mark.
    separator
        Between fields.
    quote
        Every field, not only those that need it.
    """
    quoting: Any = csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=separator, lineterminator="\n", quoting=quoting).writerows([header, *rows])

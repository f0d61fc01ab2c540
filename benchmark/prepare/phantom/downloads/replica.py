"""A replica of a download: its layout, what is in it, and the scans that an importer should find."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import UserError
from benchmark.prepare.importers.record import Scan
from benchmark.prepare.phantom.downloads.volumes import Volume, write_nifti

#: Writes a volume to a path: ``write(path, array, affine)``.
Write = Callable[[Path, Any, Any], None]


@dataclass(frozen=True)
class Table:
    """Layout of a table: its path within the download, its columns joined by commas, and how it is written.

    Commas are between fields, or tabs where the path ends in ``.tsv``. ``mark`` stands for a byte-order mark, ``quote``
    for quotes around every field, not only those that need it.
    """

    path: str
    header: str
    mark: bool = False
    quote: bool = False


class Replica:
    """Images, tables and other files, gathered subject by subject and then written.

    Volumes are asked for by the dataset. Fewer subjects than every oddity needs are an error.
    """

    def __init__(self, dataset: str, tables: Iterable[Table], subjects: int, fewest: int = 0) -> None:
        if subjects < fewest:
            raise UserError(f"subjects: {subjects} is not allowed; a replica with every oddity has at least {fewest}")
        self.dataset = dataset
        self.images: list[tuple[str, tuple[int, str, str], Write]] = []
        self.texts: dict[str, str] = {}
        self.rows: dict[Table, list[Iterable[object]]] = {table: [] for table in tables}
        self.expected: list[Scan] = []

    def image(self, path: str, index: int, diagnosis: str, write: Write = write_nifti, dataset: str = "") -> None:
        """Add an image of the subject at an index."""
        self.images.append((path, (index, diagnosis, dataset or self.dataset), write))

    def json(self, path: str, fields: dict[str, object], indent: int | None = 1) -> None:
        """Add a JSON file."""
        self.texts[path] = json.dumps(fields, indent=indent, sort_keys=indent is not None) + "\n"

    def row(self, table: Table, *cells: object) -> None:
        """Add a row of a table."""
        self.rows[table].append(cells)

    def expect(
        self, subject: str, session: str, image: str, diagnosis: str, age: float, sex: str, *scanner: Any
    ) -> None:
        """Add a scan that belongs in a manifest; ``image`` within the replica, ``scanner`` in a manifest's words."""
        self.expected.append(Scan(subject, session, Path(image), self.dataset, diagnosis, age, sex, *scanner))

    def write(self, out: Path, volume: Volume) -> Path:
        """Write everything into a folder, which is returned."""
        made = None
        for path, key, write in self.images:
            if made is None or made[0] != key:
                made = key, volume(*key)
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            write(out / path, *made[1])
        for path, text in self.texts.items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_text(text, encoding="utf-8")
        for table, rows in self.rows.items():
            _write_table(out / table.path, table, rows)
        return out


def _write_table(path: Path, table: Table, rows: Iterable[Iterable[object]]) -> None:
    quoting: Any = csv.QUOTE_ALL if table.quote else csv.QUOTE_MINIMAL
    separator = "\t" if path.suffix == ".tsv" else ","
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig" if table.mark else "utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=separator, lineterminator="\n", quoting=quoting)
        writer.writerows([table.header.split(","), *rows])

"""Tables of a download as text, and the numbers, codes and keys in them.

Every way in which a table can be unusable, and every impossible value, is named with its file, line and column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmark.data.plain_text import NotTextError, text_of
from benchmark.errors import UserError
from benchmark.prepare.importers import xlsx
from benchmark.prepare.importers.normalise import missing, number
from benchmark.prepare.importers.record import LeftOut

_WHOLE = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of a CSV or TSV file or a spreadsheet; names of columns and values are without surrounding spaces."""

    path: Path
    columns: tuple[str, ...]
    rows: list[Row]

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {column.casefold(): column for column in reversed(self.columns)}

    def find(self, *names: str) -> str | None:
        """The first of several possible names that the header has, whatever its case; None where it has none."""
        for name in names:
            column = self._folded.get(name.casefold())
            if column is not None:
                return column
        return None

    def column(self, *names: str) -> str:
        """As :meth:`find`, but a header that has none is an error, which lists those that it has."""
        found = self.find(*names)
        if found is None:
            wanted = " or ".join(f"'{name}'" for name in names)
            raise UserError(f"{self.path}: column {wanted} is missing; the header has {', '.join(self.columns)}")
        return found

    def keyed(self, column: str, pattern: str, example: str) -> dict[str, Row]:
        """Rows by an identifier that each has for itself; ``example`` says what ``pattern`` matches, for people."""
        found: dict[str, Row] = {}
        for row in self.rows:
            name = row[column]
            if not re.fullmatch(pattern, name):
                raise row.complaint(column, f"it must be like {example}")
            if name in found:
                raise row.complaint(column, f"line {found[name].line} has it already; give one row each")
            found[name] = row
        return found

    def rest(self, used: Iterable[Row], reason: str, column: str = "") -> list[LeftOut]:
        """Entries of all rows but those that are used."""
        lines = {row.line for row in used}
        return [row.left_out(reason, column) for row in self.rows if row.line not in lines]


@dataclass(frozen=True, eq=False)
class Row:
    """A row by its columns, whatever their case; ``line`` of the file, from 1, is the one that it begins in."""

    table: Table
    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[self.table.column(column)]

    def get(self, *columns: str) -> str:
        """Value under the first of several columns that the table has; "" where it has none."""
        column = self.table.find(*columns)
        return self.values[column] if column else ""

    def source(self, column: str) -> str:
        """Table, column and value, for a manifest."""
        return f"{self.table.path.name} {column}={self[column]}"

    def complaint(self, column: str, allowed: str) -> UserError:
        """What to raise for a cell that holds something impossible; ``allowed`` says what is not, in words."""
        name = self.table.column(column)
        return UserError(
            f"{self.table.path}:{self.line}: column '{name}': '{self.values[name]}' is not allowed; {allowed}"
        )

    def left_out(self, reason: str, column: str = "") -> LeftOut:
        """Entry for a row that no scan was made from; with the value of a column that tells what it is."""
        name = f" ({self[column]})" if column else ""
        return LeftOut(f"{self.table.path.name}:{self.line}{name}", reason)

    def decimal(self, column: str, low: float, high: float) -> float:
        """A number of a range; NaN where it is missing, an error for anything else."""
        value = number(self[column])
        if not (missing(self[column]) or low <= value <= high):
            raise self.complaint(column, f"it must be a number in [{low:g}, {high:g}], or empty")
        return value

    def age(self, column: str) -> float:
        """Years."""
        return self.decimal(column, 0, 120)

    def whole(self, column: str) -> int | None:
        """A whole number, zero-padded or not; None where it is missing, an error for anything else."""
        text = self[column]
        # "-1" is a number of days here, not a word for a missing value.
        if _WHOLE.fullmatch(text):
            return int(float(text))
        if missing(text):
            return None
        raise self.complaint(column, "it must be a whole number, or empty")

    def code(self, column: str, meanings: Mapping[str, str]) -> str:
        """Meaning of a code, whatever its case; "" where it is missing, an error for one without a meaning."""
        text = self[column]
        folded = {key.casefold(): meaning for key, meaning in meanings.items()}
        found = folded.get(text.casefold().removesuffix(".0"))
        if found is not None:
            return found
        if missing(text):
            return ""
        listing = ", ".join(f"{key} ({meaning})" if key != meaning else key for key, meaning in meanings.items())
        raise self.complaint(column, f"it must be one of {listing}, or empty")


def read_table(path: Path, needed: Sequence[str] = ()) -> Table:
    """Read a CSV (``,``), or a TSV by its suffix, as text in UTF-8, with or without byte-order mark; or an ``.xlsx``.

    Fields may be quoted, and have spaces around them. A file that cannot be read, is in another encoding, has no header
    or no row, names a column twice, or has a row of another length, is an error that names file and line. Of a
    spreadsheet the first sheet that has the ``needed`` columns is read (:func:`.xlsx.lines_of`).
    """
    spreadsheet = path.suffix.lower() == xlsx.SUFFIX
    table: Table | None = None
    for line, values in xlsx.lines_of(path, needed) if spreadsheet else _lines(path):
        if table is None:
            table = Table(path, _header(path, values), [])
            continue
        if spreadsheet:
            # Empty cells at the end of a row are not stored.
            values = values + [""] * (len(table.columns) - len(values))
        if len(values) != len(table.columns):
            raise UserError(f"{path}:{line}: has {len(values)} fields, the header has {len(table.columns)}")
        table.rows.append(Row(table, line, dict(zip(table.columns, values, strict=True))))
    if table is None:
        raise UserError(f"{path}: is empty; its first line must name the columns")
    if not table.rows:
        raise UserError(f"{path}: has a header but no row")
    return table


def _lines(path: Path) -> Iterator[xlsx.Line]:
    """Lines of a text file that are not empty, each with the number of the line that it begins in."""
    try:
        text = text_of(path.read_bytes())
    except NotTextError as error:
        raise UserError(f"{path}{f':{error.line}' if error.line else ''}: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    start = 1
    try:
        for fields in reader:
            line, start = start, reader.line_num + 1
            values = [value.strip() for value in fields]
            if any(values):
                yield line, values
    except csv.Error as error:
        raise UserError(f"{path}:{start}: is no line of a CSV file: {error}") from None


def _header(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise UserError(f"{path}: column '{twice[0]}' stands {names.count(twice[0])} times in the header")
    # Exports end their rows with a comma now and then; such a column has no name.
    return tuple(name or f"unnamed {place}" for place, name in enumerate(names, start=1))

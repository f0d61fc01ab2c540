"""Tables of a download as text, with every way in which one can be unusable named."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.plain_text import NotTextError, text_of
from benchmark.errors import UserError


@dataclass(frozen=True)
class Table:
    """Rows of a CSV or TSV file.

    Attributes
    ----------
    path
        The file.
    columns
        Names in the header, without surrounding spaces.
    rows
        By column, without surrounding spaces.
    lines
        Line of the file that each row begins in, from 1.
    """

    path: Path
    columns: tuple[str, ...]
    rows: list[dict[str, str]]
    lines: list[int]

    def column(self, *names: str) -> str:
        """The first of several possible names that the header has, whatever its case.

        Raises
        ------
        UserError
            If it has none; it lists those that it has.
        """
        found = self.find(*names)
        if found is None:
            wanted = " or ".join(f"'{name}'" for name in names)
            raise UserError(f"{self.path}: column {wanted} is missing; the header has {', '.join(self.columns)}")
        return found

    def find(self, *names: str) -> str | None:
        """As :meth:`column`, but None where there is none."""
        folded = {column.casefold(): column for column in reversed(self.columns)}
        return next((folded[name.casefold()] for name in names if name.casefold() in folded), None)


def read_table(path: Path) -> Table:
    """Read a CSV (``,``), or a TSV by its suffix, as text.

    Parameters
    ----------
    path
        UTF-8, with or without byte-order mark. Fields may be quoted, and have spaces around them.

    Raises
    ------
    UserError
        For a file that cannot be read, is in another encoding, has no header or no row, names a column twice, or has a
        row of another length; the message names file and line.
    """
    try:
        text = text_of(path.read_bytes())
    except NotTextError as error:
        raise UserError(f"{path}{f':{error.line}' if error.line else ''}: {error}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    header: tuple[str, ...] = ()
    rows, lines = [], []
    start = 1
    try:
        for fields in reader:
            line, start = start, reader.line_num + 1
            values = [value.strip() for value in fields]
            if not any(values):
                continue
            if not header:
                header = _header(path, values)
            elif len(values) != len(header):
                raise UserError(f"{path}:{line}: has {len(values)} fields, the header has {len(header)}")
            else:
                rows.append(dict(zip(header, values, strict=True)))
                lines.append(line)
    except csv.Error as error:
        raise UserError(f"{path}:{start}: is no line of a CSV file: {error}") from None
    if not header:
        raise UserError(f"{path}: is empty; its first line must name the columns")
    if not rows:
        raise UserError(f"{path}: has a header but no row")
    return Table(path, header, rows, lines)


def _header(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise UserError(f"{path}: column '{twice[0]}' stands {names.count(twice[0])} times in the header")
    # Exports end their rows with a comma now and then; such a column has no name.
    return tuple(name or f"unnamed {place}" for place, name in enumerate(names, start=1))

"""Spreadsheets (``.xlsx``) as lines of text, as a CSV file of the same table would have them.

Nothing in them is run or fetched: of formulas the stored value is read, and links to other files are left alone.
"""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.errors import UserError

SUFFIX = ".xlsx"
#: Bytes of all parts of a spreadsheet once unpacked; tables of the archives have a tenth.
MOST_BYTES = 500 * 2**20
#: Rows and columns of a sheet; no archive's table has more than a twentieth.
MOST_ROWS, MOST_COLUMNS = 500_000, 5_000

#: A line's number in the sheet, from 1, and its values.
Line = tuple[int, list[str]]


def lines_of(path: Path, needed: Sequence[str] = ()) -> list[Line]:
    """Lines of the first sheet whose header has the needed columns; of the first that is not empty where none has.

    Empty lines are left out, and so are empty cells at the end of a line. Whole numbers are written without a fraction,
    since spreadsheets store 1 as 1.0, and days as ``YYYY-MM-DD``.

    Raises
    ------
    UserError
        For a file that is no spreadsheet, is damaged, or unpacks to more than the limits of this module.
    """
    from openpyxl import load_workbook

    _check_parts(path)
    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
        try:
            sheets = book.worksheets
            headers = [next(_lines(path, sheet), None) for sheet in sheets]
            wanted = {name.casefold() for name in needed}
            having = [header is not None and wanted <= {name.casefold() for name in header[1]} for header in headers]
            filled = [header is not None for header in headers]
            place = next((found.index(True) for found in (having, filled) if True in found), None)
            return [] if place is None else list(_lines(path, sheets[place]))
        finally:
            book.close()
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a damaged file makes of the library's own errors)
        raise UserError(f"{path}: cannot be read as a spreadsheet: {' '.join(str(error).split())[:200]}") from None


def _check_parts(path: Path) -> None:
    """Refuse an archive that would fill the memory, be it by what it holds or by what it declares."""
    try:
        with zipfile.ZipFile(path) as archive:
            # The archive's own figures, beyond which its parts are not read.
            size = sum(part.file_size for part in archive.infolist())
            if size > MOST_BYTES:
                raise UserError(f"{path}: unpacks to {size / 2**20:.0f} MiB; at most {MOST_BYTES / 2**20:.0f} are read")
            for part in archive.infolist():
                if part.filename.endswith((".xml", ".rels")):
                    with archive.open(part) as stream:
                        if b"<!DOCTYPE" in stream.read(4096).replace(b"\0", b""):
                            raise UserError(f"{path}: {part.filename} declares entities, which no spreadsheet needs")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UserError(f"{path}: cannot be read as a spreadsheet: {' '.join(str(error).split())}") from None


def _lines(path: Path, sheet: Any) -> Iterator[Line]:
    # What a sheet says of its own size need not be true.
    sheet.reset_dimensions()
    rows: Iterable[Sequence[Any]] = sheet.iter_rows(values_only=True)
    for number, row in enumerate(rows, start=1):
        if number > MOST_ROWS or len(row) > MOST_COLUMNS:
            limit = f"{MOST_ROWS} rows and {MOST_COLUMNS} columns"
            raise UserError(f"{path}: sheet '{sheet.title}': has more than the {limit} that are read")
        values = [_text(value) for value in row]
        while values and not values[-1]:
            values.pop()
        if values:
            yield number, values


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        value = value.date()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()

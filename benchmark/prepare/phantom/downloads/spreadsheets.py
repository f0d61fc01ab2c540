"""Tables of replicas as the archives' sites hand them out: spreadsheets whose cells are numbers, days and text."""

from __future__ import annotations

import csv
import datetime
import re
from pathlib import Path

#: Texts that spreadsheets hold as numbers; with a zero before it, it is a name.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_MONTH = re.compile(r"(\d{2})/(\d{4})")


def as_spreadsheet(table: Path, notes: bool = False) -> Path:
    """Write the CSV file of a replica as an ``.xlsx`` beside it; its path.

    Numbers are stored as floats, months such as ``06/2015`` as days, empty texts as empty cells.

    Parameters
    ----------
    table
        CSV file.
    notes
        Whether a sheet that says what the columns are comes first.
    """
    from openpyxl import Workbook

    with table.open(encoding="utf-8-sig", newline="") as stream:
        header, *rows = csv.reader(stream)
    book = Workbook(write_only=True)
    if notes:
        sheet = book.create_sheet("Notes")
        for line in (["Column", "Description"], *([name, "as in the data dictionary"] for name in header)):
            sheet.append(line)
    sheet = book.create_sheet("Data")
    sheet.append(header)
    for row in rows:
        sheet.append([_cell(text) for text in row])
    path = table.with_suffix(".xlsx")
    book.save(path)
    return path


def _cell(text: str) -> str | float | datetime.datetime | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    month = _MONTH.fullmatch(text)
    return datetime.datetime(int(month[2]), int(month[1]), 1) if month else text or None

"""Cells of tables: numbers, days, codes and keys, each impossible value named with its file, line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from benchmark.errors import UserError
from benchmark.prepare.importers.normalise import missing
from benchmark.prepare.importers.record import LeftOut
from benchmark.prepare.importers.tables import Table

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?", re.ASCII)


def complaint(table: Table, index: int, column: str, allowed: str) -> UserError:
    """What to raise for a cell that holds something impossible.

    Parameters
    ----------
    table, index, column
        The cell; rows are counted from 0.
    allowed
        The allowed values in words.
    """
    value = table.rows[index][column]
    return UserError(f"{table.path}:{table.lines[index]}: column '{column}': '{value}' is not allowed; {allowed}")


def decimal(table: Table, index: int, column: str, low: float, high: float) -> float:
    """A number of a range; NaN where it is missing.

    Raises
    ------
    UserError
        For anything else.
    """
    text = table.rows[index][column]
    if missing(text):
        return math.nan
    value = float(text) if _DECIMAL.fullmatch(text) else math.nan
    if not low <= value <= high:
        raise complaint(table, index, column, f"it must be a number in [{low:g}, {high:g}], or empty")
    return value


def whole(table: Table, index: int, column: str) -> int | None:
    """A whole number, zero-padded or not; None where it is missing.

    Raises
    ------
    UserError
        For anything else.
    """
    text = table.rows[index][column]
    # "-1" is a number of days here, not a word for a missing value.
    if _WHOLE.fullmatch(text):
        return int(float(text))
    if missing(text):
        return None
    raise complaint(table, index, column, "it must be a whole number, or empty")


def code(table: Table, index: int, column: str, meanings: Mapping[str, str]) -> str:
    """Meaning of a code, whatever its case; "" where it is missing.

    Parameters
    ----------
    table, index, column
        The cell.
    meanings
        By code.

    Raises
    ------
    UserError
        For a code without a meaning.
    """
    text = table.rows[index][column]
    folded = {key.casefold(): meaning for key, meaning in meanings.items()}
    found = folded.get(text.casefold().removesuffix(".0"))
    if found is not None:
        return found
    if missing(text):
        return ""
    listing = ", ".join(f"{key} ({meaning})" if key != meaning else key for key, meaning in meanings.items())
    raise complaint(table, index, column, f"it must be one of {listing}, or empty")


def keyed(table: Table, column: str, pattern: re.Pattern[str], example: str) -> dict[str, int]:
    """Rows by an identifier that each has for itself.

    Parameters
    ----------
    table
        The table.
    column
        Of the identifier.
    pattern
        What the whole identifier must match.
    example
        Its form, for the message.

    Returns
    -------
    dict
        Index of the row by identifier, in the table's order.

    Raises
    ------
    UserError
        For an identifier of another form, or one that two rows have.
    """
    found: dict[str, int] = {}
    for index, row in enumerate(table.rows):
        name = row[column]
        if not pattern.fullmatch(name):
            raise complaint(table, index, column, f"it must be like {example}")
        if name in found:
            raise complaint(table, index, column, f"line {table.lines[found[name]]} has it already; give one row each")
        found[name] = index
    return found


def grouped(table: Table, column: str) -> dict[str, list[int]]:
    """Indices of rows by the value of a column, both in the table's order."""
    found: dict[str, list[int]] = {}
    for index, row in enumerate(table.rows):
        found.setdefault(row[column], []).append(index)
    return found


def one_sex(table: Table, subjects: Iterable[tuple[str, int, str]], column: str) -> None:
    """Refuse a table in which a subject is of two sexes.

    Parameters
    ----------
    table
        The table.
    subjects
        Subject, row and sex.
    column
        Of the sex.

    Raises
    ------
    UserError
        At the row that contradicts an earlier one.
    """
    known: dict[str, tuple[int, str]] = {}
    for subject, index, sex in subjects:
        first, other = known.setdefault(subject, (index, sex)) if sex else (index, sex)
        if other != sex:
            allowed = f"subject {subject} is {other} in line {table.lines[first]}, and has one sex"
            raise complaint(table, index, column, allowed)


def row_left_out(table: Table, index: int, reason: str, column: str = "") -> LeftOut:
    """Entry for a row that no scan was made from; with the value of a column that tells what it is."""
    name = f" ({table.rows[index][column]})" if column else ""
    return LeftOut(f"{table.path.name}:{table.lines[index]}{name}", reason)

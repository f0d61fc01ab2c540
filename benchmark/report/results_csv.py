"""Scores of a results folder from whichever of its two files is there."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.errors import UserError
from benchmark.report.results import PROVENANCE, SCORES, Results, read_provenance, read_results
from benchmark.report.tables import SCORE_COLUMNS

_NUMBERS = ("value", "ci_low", "ci_high", "chance")
_WHOLE = ("seed", "version", "n")
_BOOLEANS = {"True": True, "False": False, "true": True, "false": False, "": None}


def read_results_or_csv(folder: Path) -> Results:
    """Read a results folder with ``scores.parquet``, or with ``scores.csv`` where that is missing.

    Raises
    ------
    UserError
        If the folder holds neither, or a file in it cannot be read, lacks a column or holds a value that is not
        allowed.
    """
    path = folder / "scores.csv"
    if (folder / SCORES).is_file() or not path.is_file():
        return read_results(folder)
    texts = dict.fromkeys(SCORE_COLUMNS, str)
    try:
        table = pd.read_csv(path, dtype=texts, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from None
    missing = [column for column in SCORE_COLUMNS if column not in table]
    if missing:
        raise UserError(f"{path}: column '{missing[0]}' is missing; scores have {', '.join(SCORE_COLUMNS)}")
    table = table[list(SCORE_COLUMNS)].copy()
    for name in _NUMBERS:
        table[name] = numbers(path, table[name], name)
    for name in _WHOLE:
        table[name] = numbers(path, table[name], name, whole=True)
    unknown = sorted(set(table["higher_is_better"]) - set(_BOOLEANS))
    if unknown:
        raise UserError(
            f"{path}: column 'higher_is_better': '{unknown[0]}' is not allowed; allowed: True, False, empty"
        )
    table["higher_is_better"] = table["higher_is_better"].map(_BOOLEANS)
    return Results(folder, table, read_provenance(folder / PROVENANCE))


def numbers(path: Path, text: pd.Series, name: str, whole: bool = False) -> pd.Series:
    """A column of a CSV file that was read as text, as numbers; NaN where it is empty.

    Parameters
    ----------
    path
        The file, for errors.
    text
        The column.
    name
        Its name, for errors.
    whole
        Whether it holds whole numbers, none missing.

    Raises
    ------
    UserError
        For anything else in it, with its row.
    """
    found = pd.to_numeric(text.replace("nan", ""), errors="coerce")
    wrong = found.isna() & (whole | ~text.isin(["", "nan"]))
    if whole:
        wrong |= found % 1 != 0
    if wrong.any():
        kind = "a whole number" if whole else "a number or empty"
        row = int(wrong.to_numpy().argmax())
        raise UserError(f"{path}: row {row + 1}, column '{name}': '{text.iloc[row]}' is not allowed; it must be {kind}")
    # Not as to_numeric reads them: it may be off by the last bit.
    return found.astype("int64") if whole else text.replace({"": "nan"}).astype(float)

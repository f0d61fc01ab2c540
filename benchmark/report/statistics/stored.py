"""Statistics of a results folder as they are read back."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.errors import UserError
from benchmark.report.statistics.intervals import INTERVAL_COLUMNS
from benchmark.report.statistics.ranks import RANK_COLUMNS
from benchmark.results.read import numbers

_COLUMNS = {"intervals": INTERVAL_COLUMNS, "ranks": RANK_COLUMNS}
_TEXTS = frozenset({"protocol", "score", "table", "metric", "method", "covers", "higher_is_better", "reason"})


def stored_statistics(folder: Path | None, name: str) -> pd.DataFrame | None:
    """Table ``statistics_NAME.csv`` of a results folder; None where there is none.

    Parameters
    ----------
    folder
        Results folder; None for results that were not saved.
    name
        ``intervals`` or ``ranks``.

    Returns
    -------
    pandas.DataFrame
        Columns :data:`benchmark.report.statistics.intervals.INTERVAL_COLUMNS` or
        :data:`benchmark.report.statistics.ranks.RANK_COLUMNS`; numbers exactly as they were written, NaN where empty.

    Raises
    ------
    UserError
        If the file cannot be read, lacks a column or holds text where a number is due.
    """
    path = None if folder is None else folder / f"statistics_{name}.csv"
    if path is None or not path.is_file():
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from None
    columns = _COLUMNS[name]
    missing = [column for column in columns if column not in table]
    if missing:
        raise UserError(f"{path}: column '{missing[0]}' is missing; needed: {', '.join(columns)}")
    table = table[list(columns)].copy()
    for column in columns:
        if column not in _TEXTS:
            table[column] = numbers(path, table[column], column)
    return table

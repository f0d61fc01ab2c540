"""Statistics of a results folder as they are read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from benchmark.errors import UserError
from benchmark.results.read import numbers

#: Columns of each table.
TABLES: Mapping[str, tuple[str, ...]] = {
    "intervals": (
        *("protocol", "score", "table", "metric", "method", "value", "ci_low", "ci_high", "covers"),
        *("seeds", "sites", "n", "higher_is_better", "note"),
    ),
    "comparisons": (
        *("protocol", "score", "method_a", "method_b", "kind", "a", "b", "difference", "ci_low", "ci_high", "covers"),
        *("standard_error", "test", "resamples", "p", "p_holm", "beyond_chance", "p_of_score", "told_apart", "better"),
        *("seeds", "n", "note"),
    ),
    "ranks": (
        *("protocol", "score", "method", "rank", "rank_low", "rank_high", "probability_best", "covers"),
        *("ranked", "mean_rank", "blocks", "friedman_p", "critical_difference", "note"),
    ),
    "detectable": (
        *("protocol", "score", "n", "seeds", "pairs", "standard_error", "detectable"),
        *("tests", "detectable_corrected", "note"),
    ),
}

_NAMES = ("protocol", "score", "table", "metric", "method", "method_a", "method_b")
_TEXTS = (*_NAMES, "kind", "covers", "test", "better", "note")
_TRUTHS = ("higher_is_better", "beyond_chance", "told_apart")
_WHOLE = ("seeds", "sites", "n", "pairs", "tests", "resamples", "ranked", "blocks")


def table_path(folder: Path, name: str) -> Path:
    """File of a table of the statistics."""
    return folder / f"statistics_{name}.csv"


def stored_statistics(folder: Path | None, name: str) -> pd.DataFrame | None:
    """Table ``statistics_NAME.csv`` of a results folder; None where there is none.

    Parameters
    ----------
    folder
        Results folder; None for results that were not saved.
    name
        A key of :data:`TABLES`.

    Returns
    -------
    pandas.DataFrame
        The columns that :data:`TABLES` names; numbers exactly as they were written, NaN where empty.

    Raises
    ------
    UserError
        If the file cannot be read, lacks a column or holds a value of another kind than is due.
    """
    path = None if folder is None else table_path(folder, name)
    if path is None or not path.is_file():
        return None
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, OSError) as error:
        raise UserError(f"{path}: cannot be read as CSV: {' '.join(str(error).split())}") from None
    # Folders of the first schema version called it so.
    table = table.rename(columns={"reason": "note"})
    columns = TABLES[name]
    missing = [column for column in columns if column not in table]
    if missing:
        raise UserError(f"{path}: column '{missing[0]}' is missing; needed: {', '.join(columns)}")
    return pd.DataFrame({column: _typed(path, table[column], column) for column in columns})


def stored_comparisons(folder: Path | None) -> pd.DataFrame | None:
    """Table of the differences, as :func:`stored_statistics` gives it; None, too, where an older release made it."""
    return None if made_by_older_release(folder) else stored_statistics(folder, "comparisons")


def made_by_older_release(folder: Path | None) -> bool:
    """Whether a folder's comparisons are from before there were primary and exploratory ones."""
    path = None if folder is None else table_path(folder, "comparisons")
    return path is not None and path.is_file() and "kind" not in pd.read_csv(path, nrows=0)


def _typed(path: Path, text: pd.Series, column: str) -> pd.Series:
    if column in _TEXTS:
        return text
    if column in _TRUTHS:
        wrong = ~text.isin(["True", "False"])
        if wrong.any():
            raise UserError(f"{path}: column '{column}': '{text[wrong].iloc[0]}' is not allowed; allowed: True, False")
        return text == "True"
    return numbers(path, text, column, whole=column in _WHOLE)

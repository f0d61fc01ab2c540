"""What methods of one or several results folders are compared by, subject by subject where the folders allow it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.report.columns import HEADLINES
from benchmark.results.merge import each_once
from benchmark.results.read import StoredResults
from benchmark.results.schema import REPLICATE_COLUMNS, joined, parameters_of
from benchmark.results.write import write_headline_replicates


def headline_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Those rows of scores or replicates, of all data, that the statistics between methods are made of."""
    whole = table[table["subgroup"] == ""] if "subgroup" in table else table
    shown = [column.rows(whole).index for column in HEADLINES]
    chosen: pd.DataFrame = whole.loc[np.unique(np.concatenate(shown))]
    return chosen


def save_headline_replicates(replicates: pd.DataFrame, out: Path) -> None:
    """Write ``replicates_headline.parquet`` of a results folder from its replicates, unless there is none in them."""
    if replicates["replicates"].map(len).any():
        write_headline_replicates(headline_rows(replicates), out)


def paired_values(given: Sequence[StoredResults]) -> tuple[pd.DataFrame, list[str]]:
    """A table of replicates over results of one task.

    Resamples depend on the subjects and the settings alone, so that those of two folders of one task are pairs.

    Parameters
    ----------
    given
        The results.

    Returns
    -------
    pandas.DataFrame
        As :func:`benchmark.results.write.write_replicates` takes it. Where a folder has no replicates, of all folders
        the values alone: methods can then be paired by seed, not by subject.
    list of str
        Names of the folders that have none.
    """
    tables = [results.headline_replicates() for results in given]
    without = [
        "" if results.folder is None else results.folder.name
        for results, table in zip(given, tables, strict=True)
        if table is None
    ]
    kept = [
        headline_rows(results.scores if without or table is None else table)
        for results, table in zip(given, tables, strict=True)
    ]
    if without:
        kept = [_values_alone(table) for table in kept]
    return each_once(joined(kept)).reset_index(drop=True), without


def _values_alone(scores: pd.DataFrame) -> pd.DataFrame:
    columns = [*(name for name in REPLICATE_COLUMNS if name != "replicates"), *parameters_of(scores)]
    return scores[columns].assign(replicates=pd.Series([np.zeros(0)] * len(scores), scores.index, object))

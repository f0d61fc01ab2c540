"""A column of any kind as the label that scans are retrieved by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.embeddings.table import as_text
from benchmark.errors import UserError

#: Most distinct numbers with a fraction that still are labels, such as 0, 0.5, 1, 2, 3 of the CDR.
MOST_FRACTIONS = 10

_UNKNOWN = ("", "NA", "N/A", "nan", "NaN")


def label_texts(path: Path, name: str, column: pd.Series) -> pd.Series:
    """Text labels of a column; empty where it is empty, NA or NaN.

    Whole numbers and text are labels as they are. Numbers with a fraction are labels if there are at most
    :data:`MOST_FRACTIONS` distinct ones; 1 and 1.0 are then the same.

    Parameters
    ----------
    path
        File that messages name.
    name
        The column's name.
    column
        Its values, shape (scans,).

    Raises
    ------
    UserError
        For a measurement in place of classes, a label with ``;`` or a line break, and fewer than two labels.
    """
    texts = column.astype(object).map(as_text).str.strip()
    texts = texts.mask(texts.isin(_UNKNOWN), "")
    known = texts[texts != ""]
    found = pd.to_numeric(known, errors="coerce").astype(np.float64)
    if found.notna().all() and (found % 1 != 0).any():
        distinct = found.unique()
        if len(distinct) > MOST_FRACTIONS:
            raise UserError(
                f"{path}: column '{name}' (--label) holds {len(distinct)} distinct numbers such as {known.iloc[0]}; "
                f"allowed: text, whole numbers, or at most {MOST_FRACTIONS} distinct numbers with a fraction; cut it "
                "into classes first"
            )
        texts.loc[known.index] = found.map(as_text)
    labels = sorted(set(texts) - {""})
    if len(labels) < 2:
        there = f"only '{labels[0]}'" if labels else "no value"
        raise UserError(f"{path}: column '{name}' (--label) holds {there}; at least two labels are needed")
    return texts

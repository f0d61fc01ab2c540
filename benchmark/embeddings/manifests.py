"""Rows from manifests: site, diagnosis, age, sex and split of scans that a file only names."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmark.data.manifest import read_manifests
from benchmark.embeddings.loaded import Loaded
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.table import LISTED, as_text
from benchmark.errors import UserError

#: What manifests supply of a scan; of other columns, those that an option names.
SUPPLIED = ("site", "diagnosis", "age", "sex", "split")

_KEY = ("site", "subject_id", "session_id")


def with_manifests(loaded: Loaded, options: ForeignOptions) -> Loaded:
    """Fill in what manifests know of a file's scans.

    Scans are matched by those of site, subject and session that the file has columns for; what is matched by must
    name one scan of the manifests. The manifests' ages are taken, and where they are silent those of the file.

    Parameters
    ----------
    loaded
        The file; without manifests among the options it comes back as it is.
    options
        ``manifests``; ``label, site, subject, session`` may name columns of them.

    Raises
    ------
    UserError
        For manifests that cannot be used, a file without a column of subjects, scans that match none or several, and
        a diagnosis, sex or split that contradicts the manifests'.
    """
    if not options.manifests:
        return loaded
    scans = read_manifests(options.manifests, check_images=False)
    rows = loaded.rows.copy()
    by = _columns_by(loaded, options)
    position = _positions(loaded, scans, by)
    options_of_columns = (options.label, options.site, options.subject, options.session)
    named = [name for name in options_of_columns if name is not None and name in scans]
    for column in dict.fromkeys((*_KEY, *SUPPLIED, *named)):
        if column in by or (column in rows and column not in SUPPLIED):
            continue
        values = scans[column].iloc[position].reset_index(drop=True).astype(object)
        if column in rows:
            if column != "age":
                _check_agree(loaded, column, values)
            values = values.where(values.map(as_text) != "", rows[column])
        elif values.map(as_text).eq("").all() and column == "split":
            continue
        rows[column] = values
    notes = dict(loaded.notes)
    absent = len(scans) - len(np.unique(position))
    if absent:
        notes["manifests"] = f"{absent} of the {len(scans)} scans in the manifests have no embedding."
    return replace(loaded, rows=rows, notes=notes)


def _columns_by(loaded: Loaded, options: ForeignOptions) -> dict[str, str]:
    """Columns of the file by the manifests' column that they match."""
    other = {"site": None, "subject_id": options.subject, "session_id": options.session}
    by = {}
    for column, replaced in other.items():
        if column in loaded.rows:
            by[column] = column
        elif replaced in loaded.rows:
            by[column] = str(replaced)
    if "subject_id" not in by:
        raise UserError(
            f"{loaded.rows_path}: column '{options.subject or 'subject_id'}' is missing, so no scan can be found in "
            f"the manifests; found: {', '.join(map(str, loaded.rows.columns))}"
        )
    return by


def _positions(loaded: Loaded, scans: pd.DataFrame, by: dict[str, str]) -> list[int]:
    known: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, key in enumerate(zip(*(scans[column] for column in by), strict=True)):
        known[key].append(place)
    wanted = list(zip(*(loaded.rows[column].map(as_text) for column in by.values()), strict=True))
    absent = [f"'{'/'.join(key)}' (row {row})" for row, key in enumerate(wanted, start=1) if key not in known]
    if absent:
        raise UserError(
            f"{loaded.rows_path}: {len(absent)} of {len(wanted)} scans ({'/'.join(by)}) are in no manifest: "
            f"{', '.join(absent[:LISTED])}{', ...' if len(absent) > LISTED else ''}"
        )
    for row, key in enumerate(wanted, start=1):
        if len(known[key]) > 1:
            lacking = [column for column in _KEY if column not in by]
            raise UserError(
                f"{loaded.rows_path}: row {row}: '{'/'.join(key)}' ({'/'.join(by)}) names {len(known[key])} scans of "
                f"the manifests; add the column {' and '.join(lacking)}"
            )
    return [known[key][0] for key in wanted]


def _check_agree(loaded: Loaded, column: str, values: pd.Series) -> None:
    given = loaded.rows[column].map(as_text)
    differ = np.flatnonzero((given != "") & (values != "") & (given != values))
    if len(differ):
        row = int(differ[0])
        raise UserError(
            f"{loaded.rows_path}: row {row + 1}, column '{column}': '{given.iloc[row]}' is not allowed; the manifests "
            f"say '{values.iloc[row]}'"
        )

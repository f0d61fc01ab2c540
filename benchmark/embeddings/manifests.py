"""Rows from manifests: site, diagnosis, age, sex and split of scans that a file only names."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmark.data.manifest import read_manifests
from benchmark.embeddings.loaded import Loaded
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.table import KEY, as_text, check_values, listed
from benchmark.errors import UserError

#: What manifests supply of a scan; of other columns, those that an option names.
SUPPLIED = ("site", "diagnosis", "age", "sex", "split")


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
    named = [name for name in (options.label, options.site, options.subject, options.session) if name and name in scans]
    for column in dict.fromkeys((*KEY, *SUPPLIED, *named)):
        if column in by or (column in rows and column not in SUPPLIED):
            continue
        values = scans[column].iloc[position].reset_index(drop=True).astype(object)
        unknown = values.map(as_text) == ""
        if column in rows:
            if column != "age":
                given = rows[column].map(as_text)
                differ = ~unknown & (given != "") & (given != values)
                said = next(iter(values[differ]), "")
                check_values(loaded.rows_path, column, given, differ, f"the manifests say '{said}'")
            values = values.mask(unknown, rows[column])
        elif column == "split" and unknown.all():
            continue
        rows[column] = values
    notes = dict(loaded.notes)
    absent = len(scans) - len(np.unique(position))
    if absent:
        notes["manifests"] = f"{absent} of the {len(scans)} scans in the manifests have no embedding."
    return replace(loaded, rows=rows, notes=notes)


def _columns_by(loaded: Loaded, options: ForeignOptions) -> dict[str, str]:
    """Columns of the file by the manifests' column that they match."""
    replaced = {"site": None, "subject_id": options.subject, "session_id": options.session}
    by = {
        column: column if column in loaded.rows else str(other)
        for column, other in replaced.items()
        if column in loaded.rows or other in loaded.rows
    }
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
    columns = "/".join(by)
    if absent:
        raise UserError(
            f"{loaded.rows_path}: {len(absent)} of {len(wanted)} scans ({columns}) are in no manifest: {listed(absent)}"
        )
    for row, key in enumerate(wanted, start=1):
        if len(known[key]) > 1:
            lacking = " and ".join(column for column in KEY if column not in by)
            raise UserError(
                f"{loaded.rows_path}: row {row}: '{'/'.join(key)}' ({columns}) names {len(known[key])} scans of the "
                f"manifests; add the column {lacking}"
            )
    return [known[key][0] for key in wanted]

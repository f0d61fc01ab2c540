"""Results folders of earlier schema versions, brought to the present one; no value changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.metrics.rows import parse_key_values
from benchmark.results.schema import SCHEMA_VERSION

#: Entries of a provenance under the names that earlier versions gave them.
_RENAMED = {"cells": "runs", "commits_of_cells": "commits_of_runs", "seconds_of_all_cells": "seconds_of_all_runs"}


def migrated_table(table: pd.DataFrame) -> pd.DataFrame:
    """Scores or replicates as a file of any version holds them, with the columns of today.

    Version 1 packed the parameters into one column ``params`` and called the note ``reason``.
    """
    if "params" not in table:
        return table
    given = {text: parse_key_values(text) for text in table["params"].unique()}
    names = sorted({name for one in given.values() for name in one})
    columns = {name: table["params"].map({text: one.get(name, "") for text, one in given.items()}) for name in names}
    return table.drop(columns="params").rename(columns={"reason": "note"}).assign(**columns)


def migrated_provenance(provenance: dict[str, Any]) -> dict[str, Any]:
    """A provenance of any version, with the entries of today.

    Version 1 did not record the order of methods in tables; it is that of the sweep. A run was called a cell.
    """
    provenance = {_RENAMED.get(name, name): value for name, value in provenance.items()}
    about = provenance.get("about")
    if provenance.get("schema_version", 1) >= SCHEMA_VERSION or not isinstance(about, dict):
        return provenance
    methods = [Path(method).stem for method in provenance.get("sweep", {}).get("methods", [])]
    return provenance | {"schema_version": SCHEMA_VERSION, "about": {"methods": methods} | about}

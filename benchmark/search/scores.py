"""What the tables have of one model: the scores that it carries with it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.errors import UserError
from benchmark.report.about import About
from benchmark.report.columns import CROSS_SITE_MAP, LEAKAGE, OUTLINE, TRAVELLING_TOP1, Column, present
from benchmark.report.evaluate import EVALUATED
from benchmark.results.read import read_results, read_table
from benchmark.results.schema import RUN_COLUMNS, SCORES, run_name

#: Found and not leaked: an LDR that gives nothing away is worth something only if it finds something.
COLUMNS: tuple[Column, ...] = tuple(
    {one.key: one for one in (CROSS_SITE_MAP, TRAVELLING_TOP1, *LEAKAGE, *OUTLINE)}.values()
)
_PARAMETERS = ("distance", "gallery", "label", "probe", "coordinates")


def own_scores(
    run: Path, embeddings: Path, marker: Mapping[str, Any], results: Path | None, synthetic: bool
) -> dict[str, Any] | None:
    """Scores of a run in plain values: those of the tables' columns on retrieval, identity and leakage.

    Parameters
    ----------
    run
        Folder that has the scores of a sweep's run, which are taken where there is no ``results``.
    embeddings
        File of the run's embeddings, by whose content ``evaluate`` knows them.
    marker
        Completion marker of a sweep's run; empty for any other.
    results
        Results folder.
    synthetic
        Whether the run's scans are.

    Returns
    -------
    dict or None
        ``synthetic``, and ``rows``, one per score: ``key`` and ``title`` of its column, ``value``, ``n``, ``chance``,
        ``ci_low``, ``ci_high``, ``higher_is_better``, ``note`` and its parameters; None for a number that is undefined.
        None where there are no scores.

    Raises
    ------
    UserError
        For results that are not of this run.
    """
    if results is None:
        if not marker or not (run / SCORES).is_file():
            return None
        scores = read_table(run / SCORES)
        return {"synthetic": synthetic, "rows": _rows(scores[scores["method"] == marker["method"]])}
    stored = read_results(results)
    scores = stored.scores
    if marker:
        place = {name: marker[name] for name in RUN_COLUMNS}
        name = run_name(**place)
        if stored.provenance.get("run_keys", {}).get(name) != marker["run_key"]:
            raise UserError(f"{results}: has no scores of this run ({name}, key {marker['run_key'][:16]})")
    else:
        known = stored.provenance.get(EVALUATED, {}).get("sha256", {})
        digest = hashlib.sha256(embeddings.read_bytes()).hexdigest()
        methods = [method for method, found in known.items() if found == digest]
        if not methods:
            raise UserError(f"{results}: has no scores of {embeddings}; make them by 'seada-bench evaluate'")
        place = {"method": methods[0]}
    mine = (scores[list(place)] == pd.Series(place)).all(axis=1)
    return {"synthetic": synthetic or About.of(stored.provenance).synthetic, "rows": _rows(scores[mine])}


def _rows(scores: pd.DataFrame) -> list[dict[str, Any]]:
    whole, found = scores[scores["subgroup"] == ""], []
    for column in present(COLUMNS, whole):
        for row in column.rows(whole).to_dict("records"):
            numbers = {name: _finite(row[name]) for name in ("value", "chance", "ci_low", "ci_high")}
            parameters = {name: row[name] for name in _PARAMETERS if row.get(name)}
            better = row["higher_is_better"]
            found.append(
                {"key": column.key, "title": column.heading, "table": row["table"], "metric": row["metric"]}
                | {**numbers, "n": int(row["n"]), "note": str(row["note"]), **parameters}
                | {"higher_is_better": None if better is None else bool(better)}
            )
    return found


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None

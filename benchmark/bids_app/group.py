"""The group level: every scan's numbers in one table, the embeddings in another, and their scores on a page."""

from __future__ import annotations

import csv
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.bids_app.folder import model_of, write_text
from benchmark.bids_app.report import page
from benchmark.data.atomic import atomic_path
from benchmark.embeddings.table import write_embeddings
from benchmark.errors import UserError
from benchmark.metrics.evaluate import EvaluationSettings
from benchmark.prepare.preprocess.places import record_at
from benchmark.report.about import ABOUT
from benchmark.report.evaluate import evaluate
from benchmark.report.write_all import PAGE, write_all

TABLE, INDEX, EMBEDDINGS, RESULTS = "group_T1w.tsv", "group_T1w.html", "embeddings.parquet", "results"
#: Of each scan's record.
_RECORDS = "*_desc-seada_embedding.json"


@dataclass(frozen=True)
class Gathered:
    """What came of the group level: scans, those with warnings, the results page, or why there is none."""

    scans: int
    warned: int
    page: Path | None
    unscored: str


def group(out: Path, settings: EvaluationSettings | None = None) -> Gathered:
    """Gather what the participant level wrote; the files of an earlier call, ``results/`` too, are replaced.

    Parameters
    ----------
    out
        Folder of the derivatives.
    settings
        How to score.

    Raises
    ------
    UserError
        For a folder without finished scans, and files of scans that cannot be read.
    """
    digest = model_of(out)
    records = [(path, record_at(path)) for path in sorted(out.glob(f"sub-*/**/{_RECORDS}"))]
    finished = [(path, one) for path, one in records if one.get("Model", {}).get("Digest") == digest]
    if not finished:
        raise UserError(f"{out}: holds no finished scan; run the participant level first")
    _check_scans(finished)
    rows = [_row(one) for _, one in finished]
    table = pd.DataFrame(rows)
    with atomic_path(out / TABLE) as temporary:
        table.to_csv(temporary, sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    vectors = pd.DataFrame([_vector(path.with_suffix(".tsv")) for path, _ in finished])
    known = pd.DataFrame([one["Scan"] for _, one in finished]).drop(columns="name").astype({"age": float})
    embeddings = pd.concat([known, vectors], axis=1)
    model, notes = finished[0][1]["Model"], finished[0][1]["Notes"]
    write_embeddings(embeddings, out / EMBEDDINGS, {"model": digest})
    unscored = _scored(embeddings, model, notes, out, settings)
    content = page(
        "group.html.j2",
        rows=[{**row, "report": one["Report"]} for row, (_, one) in zip(rows, finished, strict=True)],
        model=model,
        notes=notes,
        results=None if unscored else f"{RESULTS}/{PAGE}",
        unscored=unscored,
    )
    write_text(content, out / INDEX)
    warned = sum(bool(one["Warnings"]) for _, one in finished)
    return Gathered(len(rows), warned, None if unscored else out / RESULTS / PAGE, unscored)


def _row(record: dict[str, Any]) -> dict[str, Any]:
    scan = dict(record["Scan"])
    return {
        "bids_name": f"{scan.pop('name')}_T1w",
        **{name: value if value != "" else None for name, value in scan.items()},
        **record["Quality"],
        **{f"gate_{name}": one["Value"] for name, one in record["Gate"].items()},
        "warnings": "; ".join(record["Warnings"]),
    }


def _vector(path: Path) -> dict[str, np.float32]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            (row,) = csv.DictReader(stream, delimiter="\t")
        return {name: np.float32(value) for name, value in row.items()}
    except (OSError, ValueError, TypeError):
        raise UserError(f"{path}: is no table of one embedding; run the participant level again") from None


def _check_scans(finished: Sequence[tuple[Path, dict[str, Any]]]) -> None:
    """Refuse two images of one session: the participant level takes one, so its choice has changed."""
    seen: dict[tuple[str, str], Path] = {}
    for path, one in finished:
        key = (one["Scan"]["subject_id"], one["Scan"]["session_id"])
        if key in seen:
            raise UserError(f"{path}: is of the same session as {seen[key].name}; remove the files of one of them")
        seen[key] = path


def _scored(
    embeddings: pd.DataFrame,
    model: dict[str, Any],
    notes: Sequence[str],
    out: Path,
    settings: EvaluationSettings | None,
) -> str:
    """Write the scores; or why there are none."""
    sites = embeddings["site"].unique()
    if len(sites) < 2:
        return (
            f"all scans are of one site ({sites[0]}), so there is no leakage to measure; --site_column or --site_from "
            "at the participant level tell sites apart"
        )
    try:
        results = evaluate({model["Name"]: embeddings}, settings=settings)
    except UserError as error:
        return str(error).removeprefix(f"{model['Name']}: ")
    about = results.provenance[ABOUT]
    synthetic = " (trained on synthetic scans)" if model["Synthetic"] else ""
    about["notes"] = [*about["notes"], f"Embedded by {model['Name']}, {model['Digest'][:16]}{synthetic}.", *notes]
    temporary = out / f".{RESULTS}-{secrets.token_hex(4)}"
    try:
        results.save(temporary)
        write_all(temporary, temporary, overwrite=True)
        # Whole or not there: an earlier one goes when the new one is written.
        if (out / RESULTS).exists():
            shutil.rmtree(out / RESULTS)
        temporary.rename(out / RESULTS)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return ""

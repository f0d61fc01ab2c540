"""Scores of anybody's embeddings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.data.synthetic import is_synthetic
from benchmark.embeddings.labels import mapped
from benchmark.embeddings.loaded import Loaded, same_length, vector_table
from benchmark.embeddings.methods import OTHER_SCANS, check_same_scans, read_methods
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.roles import remarks, scored_frame
from benchmark.embeddings.table import EmbeddingTable, ldr_columns
from benchmark.errors import UserError
from benchmark.metrics.evaluate import EvaluationSettings, process_aside, score_all
from benchmark.metrics.rows import to_frame, to_replicates
from benchmark.metrics.scans import scored_scans
from benchmark.report.about import ABOUT, About
from benchmark.report.remarks import named
from benchmark.report.results import Results
from benchmark.results.environment import environment
from benchmark.results.schema import joined

#: Protocol of embeddings that no run of a sweep made.
FOREIGN = "foreign"

#: Entry of the provenance that says what was scored, and how.
EVALUATED = "evaluated"
#: Entry of that with the facts of which nothing is known of any scan.
UNKNOWN = "unknown"

Vectors = npt.NDArray[np.floating[Any]]


def evaluate(
    embeddings: Path | str | pd.DataFrame | Vectors | Mapping[str, pd.DataFrame | Vectors],
    rows: pd.DataFrame | Mapping[str, Any] | None = None,
    settings: EvaluationSettings | None = None,
    options: ForeignOptions | None = None,
    allow_different_scans: bool = False,
) -> Results:
    """Score embeddings with every metric there is.

    Several methods on the same scans can be compared with each other. They are one seed, so their intervals and tests
    cover the resampling of subjects alone.

    Parameters
    ----------
    embeddings
        Parquet, CSV, TSV, NPZ, NPY or AnnData file, or a folder of them, each a method named after its file; or a table
        with the columns of an embeddings file; or an array of shape (scans, dimensions); or several tables or arrays by
        method.
    rows
        What is known of the scans of arrays, one row per scan: ``site``, and ``subject_id``, ``session_id``,
        ``diagnosis``, ``age``, ``sex`` and ``split`` where known.
    settings
        How to score; the defaults if None.
    options
        Which columns take the place of others.
    allow_different_scans
        Whether methods may have other scans than each other; they are not compared then.

    Raises
    ------
    UserError
        For embeddings that cannot be used; the message is one line with the file or method, row, column, value and
        what is allowed.
    """
    how, options = settings or EvaluationSettings(), options or ForeignOptions()
    if isinstance(embeddings, str | Path):
        methods = read_methods(Path(embeddings), options, allow_different_scans)
    else:
        given = embeddings if isinstance(embeddings, Mapping) else {"embeddings": embeddings}
        methods = {name: (Path(name), _table(name, one, rows, options)) for name, one in given.items()}
        check_same_scans("embeddings", {name: table for name, (_, table) in methods.items()}, allow_different_scans)
    for source, table in methods.values():
        try:
            scored_scans(table.frame)
        except UserError as error:
            raise UserError(f"{source}: {error}") from None
    scores, replicates, notes = [], [], ["Model selection and search of hyper-parameters: embeddings do not say."]
    with process_aside(max(len(table.frame) for _, table in methods.values())) as aside:
        for method, (_, table) in methods.items():
            run: dict[str, str | int] = {"method": method, "protocol": FOREIGN, "held_out_site": "", "seed": 0}
            found = score_all(table.frame, how, aside=aside)
            scores.append(to_frame(found).assign(**run))
            replicates.append(to_replicates(found).assign(**run))
            notes += [f"{method}: {named(name, text)}" for name, text in sorted(table.notes.items())]
    tables = [table.frame for _, table in methods.values()]
    synthetic = any(map(is_synthetic, tables))
    about = About(synthetic=synthetic, notes=notes, methods=list(methods))
    provenance = {
        "environment": environment(),
        ABOUT: about.to_json(),
        EVALUATED: {
            "embeddings": str(embeddings) if isinstance(embeddings, str | Path) else "",
            "sha256": {name: digest_of(source) for name, (source, _) in methods.items() if source.is_file()},
            "settings": asdict(how),
            "options": {name: _plain(value) for name, value in asdict(options).items() if value},
            "allow_different_scans": allow_different_scans,
            UNKNOWN: [name for name in ("diagnosis", "age", "sex") if not any(_known(table, name) for table in tables)],
        },
    }
    return Results(
        folder=None,
        scores=joined(scores),
        provenance=provenance,
        resampled=joined(replicates),
        # The scans of methods with different ones were not resampled together, so there is nothing to pair.
        paired=not any(OTHER_SCANS in table.notes for _, table in methods.values()),
    )


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _table(
    name: str, given: pd.DataFrame | Vectors, rows: pd.DataFrame | Mapping[str, Any] | None, options: ForeignOptions
) -> EmbeddingTable:
    path = Path(name)
    if isinstance(given, pd.DataFrame):
        names = ldr_columns(given)
        vectors = vector_table(path, "columns z0..zD-1", given[names].to_numpy())
        known = given.drop(columns=names).reset_index(drop=True)
    else:
        if rows is None:
            raise UserError(f"{name}: an array says nothing of its scans; rows must give their site")
        vectors, known = vector_table(path, "array", given), pd.DataFrame(rows).reset_index(drop=True)
        same_length(path, "array", vectors, Path("rows"), known)
    loaded = mapped(Loaded(path, path, known, vectors), options)
    return EmbeddingTable(scored_frame(loaded, options), {**loaded.notes, **remarks(loaded, options)})


def _known(table: pd.DataFrame, name: str) -> bool:
    return bool((table[name].notna() & (table[name] != "")).any())


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [str(one) for one in value] if isinstance(value, tuple) else str(value)

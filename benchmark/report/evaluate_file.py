"""Scores and tables of anybody's embeddings file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.embeddings import read_embeddings
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.metrics.evaluate import EvaluationSettings, evaluate
from benchmark.report.tables import write_scores, write_tables

#: Protocol of embeddings that no cell of a sweep made.
FOREIGN = "foreign"


def evaluate_file(path: Path, out: Path, settings: EvaluationSettings) -> pd.DataFrame:
    """Score an embeddings file, and write scores and tables.

    Parameters
    ----------
    path
        Parquet or CSV file; the method is named after it.
    out
        Folder for scores and tables.
    settings
        How to score.

    Returns
    -------
    pandas.DataFrame
        The long score table.

    Raises
    ------
    UserError
        For a file that cannot be used (:func:`benchmark.embeddings.read_embeddings`), one without a test row in its
        `split` column, and a folder that cannot be written.
    """
    table = read_embeddings(path)
    make_writable(out, "out")
    try:
        scores = evaluate(table.frame, settings)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    place: dict[str, str | int] = {"method": path.stem, "protocol": FOREIGN, "held_out_site": "", "seed": 0}
    for position, (name, value) in enumerate(place.items()):
        scores.insert(position, name, value)
    notes = [f"{path.stem}: {text}" for _, text in sorted(table.notes.items())]
    write_scores(scores, out)
    write_tables(scores, out, notes=notes)
    return scores

"""Scores and tables of anybody's embeddings."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from benchmark.data.atomic import atomic_path
from benchmark.data.synthetic import is_synthetic
from benchmark.embeddings.methods import OTHER_SCANS, read_methods
from benchmark.embeddings.options import ForeignOptions
from benchmark.errors import UserError
from benchmark.folders import make_writable
from benchmark.metrics.evaluate import EvaluationSettings, process_aside, score_all
from benchmark.metrics.rows import to_frame, to_replicates
from benchmark.metrics.scans import scored_scans
from benchmark.report.about import ABOUT, About
from benchmark.report.remarks import named
from benchmark.report.results import PROVENANCE
from benchmark.report.tables import write_replicates, write_scores, write_tables
from benchmark.report.write_statistics import write_statistics

#: Protocol of embeddings that no cell of a sweep made.
FOREIGN = "foreign"


def evaluate_file(
    path: Path,
    out: Path,
    settings: EvaluationSettings,
    options: ForeignOptions | None = None,
    allow_different_scans: bool = False,
) -> pd.DataFrame:
    """Score an embeddings file, or every file of a folder, and write scores, tables and statistics between methods.

    There are statistics where two or more methods were scored on the same scans. The files
    are one seed, so their intervals and tests cover the resampling of subjects alone, which ``statistics.md`` says.

    Parameters
    ----------
    path
        Parquet, CSV, NPZ or AnnData file, or a folder of them; each is a method named after its file.
    out
        Folder for scores and tables.
    settings
        How to score.
    options
        Where the parts of the embeddings are.
    allow_different_scans
        Whether the files of a folder may have other scans than each other.

    Returns
    -------
    pandas.DataFrame
        The long score table.

    Raises
    ------
    UserError
        For embeddings that cannot be used (:func:`benchmark.embeddings.methods.read_methods`), a file whose `split`
        column has no test row, and a folder that cannot be written.
    """
    methods = read_methods(path, options or ForeignOptions(), allow_different_scans)
    for file, table in methods.values():
        try:
            scored_scans(table.frame)
        except UserError as error:
            raise UserError(f"{file}: {error}") from None
    make_writable(out, "out")
    scores, replicates, notes = [], [], ["Model selection and search of hyper-parameters: embeddings do not say."]
    with process_aside(max(len(table.frame) for _, table in methods.values())) as aside:
        for method, (_, table) in methods.items():
            place: dict[str, str | int] = {"method": method, "protocol": FOREIGN, "held_out_site": "", "seed": 0}
            found = score_all(table.frame, settings, aside=aside)
            scores.append(to_frame(found).assign(**place))
            replicates.append(to_replicates(found).assign(**place))
            notes += [f"{method}: {named(name, text)}" for name, text in sorted(table.notes.items())]
    everything = pd.concat(scores, ignore_index=True)
    about = About(synthetic=any(is_synthetic(table.frame) for _, table in methods.values()), notes=notes)
    with atomic_path(out / PROVENANCE) as temporary:
        temporary.write_text(json.dumps({ABOUT: about.to_json()}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    write_scores(everything, out)
    resampled = pd.concat(replicates, ignore_index=True)
    write_replicates(resampled, out)
    # The scans of methods with different ones were not resampled together, so there is nothing to pair.
    if resampled["method"].nunique() > 1 and not any(OTHER_SCANS in table.notes for _, table in methods.values()):
        write_statistics(resampled, out, list(methods), about=about)
    write_tables(everything, out, notes=notes, about=about)
    return everything

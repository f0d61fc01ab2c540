"""An archive of scans, as manifests name it, and the index of it: what is embedded, added and taken out."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from benchmark.data.schema import ADDED
from benchmark.errors import UserError, cause
from benchmark.search.ahead import Ahead
from benchmark.search.index import INDEX, Index, IndexedModel, Writer, create, writing
from benchmark.search.own_model import MODEL
from benchmark.search.scans import contents
from benchmark.search.segments import Floats
from benchmark.train.exported_model import ExportedModel, load_model
from benchmark.train.loaded_method import BATCH

#: Scans after which, or seconds after which at the latest, what was embedded is added: so much work a kill can cost.
SCANS_AT_A_TIME, SECONDS_AT_A_TIME = 256, 30.0
#: Columns of a scans table that say where a row was read, and nothing of the scan.
_NOT_KEPT = (*ADDED, "sha256")


@dataclass
class Added:
    """What came of adding scans to an index.

    Attributes
    ----------
    added, there
        Scans that were added, and that were in the index before.
    problems
        What is wrong with the others, a line each.
    """

    added: int = 0
    there: int = 0
    problems: list[str] = field(default_factory=list)


def new_index(folder: Path, model_folder: Path, trust: Sequence[str] = ()) -> ExportedModel:
    """Make an index without scans, with a copy of its model, which is returned.

    Parameters
    ----------
    folder
        Of the index; it must not be there, or be empty.
    model_folder, trust
        As for :func:`benchmark.train.exported_model.load_model`.

    Raises
    ------
    UserError
        For a folder that holds anything, and a model that cannot be used.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        hint = "holds an index; 'seada-bench index add' adds to it" if (folder / INDEX).exists() else "is not empty"
        raise UserError(f"{folder}: {hint}, and 'build' needs a new folder")
    model = load_model(model_folder, trust)
    try:
        shutil.copytree(model_folder, folder / MODEL)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror or error}") from None
    create(folder, indexed(model))
    return model


def indexed(model: ExportedModel) -> IndexedModel:
    """A model as an index names it."""
    return IndexedModel(model.name, model.digest, model.centre.astype(np.float64))


def model_of(folder: Path, index: Index, trust: Sequence[str] = ()) -> ExportedModel:
    """The model that an index was made by.

    Raises
    ------
    UserError
        If it is missing, was changed, or is another one.
    """
    model = load_model(folder / MODEL, trust)
    index.model.check_same(indexed(model), folder)
    return model


def add_scans(
    folder: Path,
    model: ExportedModel,
    scans: pd.DataFrame,
    tell: Callable[[int], None] = lambda _: None,
    progress: bool = False,
    ahead: Ahead | None = None,
) -> Added:
    """Embed scans and add them to an index; those that are there are neither embedded nor added again.

    Parameters
    ----------
    folder
        Of the index.
    model
        That of the index.
    scans
        As :func:`benchmark.search.scans.scans_of_manifests` gives them.
    tell
        Called with the number of scans that were added so far, whenever more are on the disk to stay.
    progress
        Whether a bar with the time left goes to stderr.
    ahead
        What has begun to read them; None to read each when it is needed.

    Returns
    -------
    Added
        A scan that cannot be used keeps no other one out.

    Raises
    ------
    UserError
        For an index that cannot be changed.
    """
    report = Added()
    kept = scans.drop(columns=[name for name in _NOT_KEPT if name in scans]).reset_index(drop=True)
    kept["content"] = contents(kept)
    with writing(folder, indexed(model)) as writer:
        there = set(writer.opened().live("content"))
        due = kept[~kept["content"].isin(there)].reset_index(drop=True)
        report.there = len(kept) - len(due)
        waiting: list[tuple[pd.DataFrame, Floats]] = []
        since = time.monotonic()
        with tqdm(total=len(due), desc="index", unit="scan", disable=not progress, file=sys.stderr) as bar:
            for start in range(0, len(due), BATCH):
                batch = due[start : start + BATCH]
                waiting += _embedded(model, batch, report, ahead)
                bar.update(len(batch))
                late = time.monotonic() - since > SECONDS_AT_A_TIME
                if late or sum(len(each) for each, _ in waiting) >= SCANS_AT_A_TIME:
                    _add(writer, waiting, report)
                    tell(report.added)
                    waiting, since = [], time.monotonic()
            if waiting:
                _add(writer, waiting, report)
                tell(report.added)
    return report


def ldrs_of(model: ExportedModel, scans: pd.DataFrame, ahead: Ahead | None = None) -> Floats:
    """LDRs of scans, shape (scans, dimension), after the model has checked that it can embed them.

    Raises
    ------
    UserError
        Whatever goes wrong: files of strangers make libraries fail in ways of their own, and one bad file must neither
        end the work on others nor show a traceback. It names the first file.
    """
    try:
        model.check(scans)
        return model.ldrs_of(scans, None if ahead is None else ahead.volumes_of(scans))
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{scans['image'].iloc[0]}: cannot be used: {cause(error)}") from error


def _embedded(
    model: ExportedModel, batch: pd.DataFrame, report: Added, ahead: Ahead | None
) -> list[tuple[pd.DataFrame, Floats]]:
    try:
        return [(batch, ldrs_of(model, batch, ahead))]
    except UserError as error:
        if len(batch) == 1:
            report.problems.append(str(error))
            return []
    single = [batch[row : row + 1] for row in range(len(batch))]
    return [found for one in single for found in _embedded(model, one, report, ahead)]


def _add(writer: Writer, waiting: list[tuple[pd.DataFrame, Floats]], report: Added) -> None:
    frame = pd.concat([each for each, _ in waiting], ignore_index=True)
    ldrs = np.concatenate([each for _, each in waiting])
    try:
        report.added += writer.add(frame, ldrs)
    except UserError as error:
        if len(frame) == 1:
            report.problems.append(str(error))
            return
        for row in range(len(frame)):
            _add(writer, [(frame[row : row + 1], ldrs[row : row + 1])], report)


def rows_of(index: Index, names: Sequence[str], column: str) -> npt.NDArray[np.bool_]:
    """Rows of an index whose scans have one of some names.

    Parameters
    ----------
    index
        The index.
    names
        What is looked for.
    column
        Of the names: ``scan_key`` (site/subject/session), ``subject_id``, ``site`` or another of text.

    Returns
    -------
    numpy.ndarray
        Shape (rows,).

    Raises
    ------
    UserError
        For a name that no scan has.
    """
    for name in names:
        if not index.having(column, [name]).any():
            raise UserError(f"{index.folder}: no scan has {column} '{name}'")
    return index.having(column, names)

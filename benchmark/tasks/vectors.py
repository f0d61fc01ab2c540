"""One file of a submission, against the scans of its run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.embeddings.loaded import Loaded
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.read import READERS
from benchmark.embeddings.table import KEY, as_text, check_keys, check_values, ldr_columns, listed, numbers
from benchmark.errors import UserError
from benchmark.tasks.files import check_size

#: Column of scans that could not be embedded.
FAILED = "failed"
#: Largest share of scans that may be.
MOST_FAILED = 0.05

#: Longest message.
_LONGEST = 600

#: Years that ages may differ by, which rounding is.
_ROUNDED = 0.06

#: What is the task's own; a file may repeat it.
_KEPT_BY_TASK = ("age", "diagnosis", "sex", "split")


def vectors_of_run(path: Path, scans: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The table that is scored, with the labels of the task, and how many of its scans are declared failed.

    A failed scan gets the mean of the vectors of those training scans that did not fail: it stays a query and in every
    gallery, and says nothing.

    Parameters
    ----------
    path
        File of embeddings.
    scans
        The scans of the run, with their splits and labels.

    Raises
    ------
    UserError
        For a file that is too large or cannot be read; scans that are missing, unknown or there twice; a split or a
        label that contradicts the task's; a vector that is not finite; and more than 5 % of the scans failed.
    """
    check_size(path, len(scans))
    loaded = _read(path)
    rows = loaded.rows
    for name in KEY:
        if name not in rows:
            raise UserError(f"{loaded.rows_path}: column '{name}' is missing; needed: {', '.join(KEY)} and z0..zD-1")
    keys = rows[KEY].astype(object).map(as_text)
    check_keys(loaded.rows_path, keys)
    given = pd.MultiIndex.from_frame(keys)
    due = pd.MultiIndex.from_frame(scans[KEY])
    for problem, wrong in (("are not in the task", given.difference(due)), ("are missing", due.difference(given))):
        if len(wrong):
            names = listed([ascii("/".join(key))[:80] for key in wrong[:11]])
            raise UserError(f"{loaded.rows_path}: {len(wrong)} scans {problem} (site/subject_id/session_id): {names}")
    place = due.get_indexer(given)
    known = scans.iloc[place].reset_index(drop=True)
    _check_labels(loaded, known)
    failed = _failed(loaded)
    vectors = loaded.vectors[ldr_columns(loaded.vectors)].to_numpy(np.float64, copy=True)
    if failed.any():
        fine = ~failed & (known["split"] == "train").to_numpy()
        if failed.mean() > MOST_FAILED or not fine.any():
            raise UserError(
                f"{loaded.rows_path}: column '{FAILED}': {int(failed.sum())} of {len(failed)} scans; at most "
                f"{MOST_FAILED:.0%} may be declared"
            )
        vectors[failed] = vectors[fine].mean(axis=0)
    columns = [f"z{number}" for number in range(vectors.shape[1])]
    return pd.concat([known, pd.DataFrame(vectors, columns=columns)], axis=1), int(failed.sum())


def _read(path: Path) -> Loaded:
    try:
        return READERS[path.suffix](path, ForeignOptions())
    except UserError as error:
        # Names of columns are a stranger's, and messages quote them.
        text = "".join(letter if letter.isprintable() else "?" for letter in " ".join(str(error).split()))
        hint = f"; of a scan that could not be embedded write zeros, and true in a column '{FAILED}'"
        raise UserError(f"{text[:_LONGEST]}{hint if 'NaN or infinite' in text else ''}") from None


def _check_labels(loaded: Loaded, known: pd.DataFrame) -> None:
    path, rows = loaded.rows_path, loaded.rows
    for name in (name for name in _KEPT_BY_TASK if name in rows):
        if name == "age":
            given = numbers(path, rows, name, finite=False).to_numpy(np.float64)
            differ = np.abs(given - known[name].to_numpy(np.float64)) > _ROUNDED
            texts, right = rows[name].astype(object).map(as_text), known[name].map(as_text)
        else:
            texts, right = rows[name].astype(object).map(as_text), known[name].astype(object).map(as_text)
            differ = ((texts != "") & (right != "") & (texts != right)).to_numpy()
        if differ.any():
            said = right.iloc[int(np.argmax(differ))]
            check_values(path, name, texts.str[:40], pd.Series(differ), f"the task says '{said}'")


def _failed(loaded: Loaded) -> npt.NDArray[np.bool_]:
    if FAILED not in loaded.rows:
        return np.zeros(len(loaded.rows), np.bool_)
    texts = loaded.rows[FAILED].astype(object).map(as_text).str.strip().str.lower()
    wrong = ~texts.isin(["", "0", "1", "false", "true"])
    check_values(loaded.rows_path, FAILED, texts.str[:40], wrong, "allowed: true, false, or empty")
    return texts.isin(["1", "true"]).to_numpy(np.bool_)

"""Which column is the subject, the session, the site and the label of a scan."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.data.schema import SPLITS
from benchmark.embeddings.label import label_texts
from benchmark.embeddings.loaded import Loaded
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.table import REQUIRED, as_text, check_keys, ldr_columns, numbers
from benchmark.errors import UserError

#: Session of scans whose file has no sessions, where subject and site name a scan.
ONLY_SESSION = "1"

#: What would end a parameter of a score, or a line of a table.
_BREAKING = re.compile(r"[;\x00-\x1f\x7f]")


def scored_frame(loaded: Loaded, options: ForeignOptions) -> pd.DataFrame:
    """The table that is scored, with the columns of :class:`benchmark.embeddings.table.EmbeddingTable`.

    Parameters
    ----------
    loaded
        Rows and vectors.
    options
        ``label, site, subject, session`` name columns that take the place of ``diagnosis, site, subject_id,
        session_id``. Where a label is named, ``age`` and ``sex`` may be missing. Sessions may be missing where no
        subject has two scans at a site.

    Raises
    ------
    UserError
        For a column that is missing, an empty subject, session or site, a scan in two rows, an age that is no
        number, a split that is none, and a label that is no class.
    """
    path, rows = loaded.rows_path, loaded.rows
    source = _sources(path, rows, options)
    frame = pd.DataFrame(index=rows.index)
    for name in ("subject_id", "session_id", "site"):
        frame[name] = _names(path, rows, source[name]) if name in source else ONLY_SESSION
    if options.label is None:
        frame["diagnosis"] = _text(path, rows, "diagnosis")
    else:
        frame["diagnosis"] = label_texts(path, options.label, rows[options.label])
        _check_breaking(path, options.label, frame["diagnosis"])
    frame["age"] = numbers(path, rows, "age", finite=False) if "age" in rows else np.nan
    frame["sex"] = _text(path, rows, "sex") if "sex" in rows else ""
    if "split" in rows:
        frame["split"] = _split(path, rows)
    if "session_id" not in source:
        _check_sessions(path, frame, source)
    check_keys(path, frame)
    _check_joined(path, frame)
    rest = [name for name in rows.columns if name not in (*frame.columns, *ldr_columns(rows))]
    return pd.concat([frame, rows[rest], loaded.vectors], axis=1)


def remarks(options: ForeignOptions) -> dict[str, str]:
    """What a reader of tables must know of columns that took another's place, by name."""
    told = {"label": options.label, "site": options.site, "subject": options.subject, "session": options.session}
    default = {"label": "diagnosis", "site": "site", "subject": "subject_id", "session": "session_id"}
    return {
        name: f"column '{column}' is the {name}; where tables say {default[name]}, they mean it."
        for name, column in told.items()
        if column is not None and column != default[name]
    }


def _sources(path: Path, rows: pd.DataFrame, options: ForeignOptions) -> dict[str, str]:
    """Columns of the rows by what they are."""
    named = {
        "subject_id": ("--subject", options.subject),
        "session_id": ("--session", options.session),
        "site": ("--site", options.site),
        "diagnosis": ("--label", options.label),
    }
    there = ", ".join(map(str, rows.columns))
    source = {}
    for name in REQUIRED:
        option, column = named.get(name, ("", None))
        if column is not None and column not in rows:
            raise UserError(f"{path}: column '{column}' ({option}) is missing; found: {there}")
        if (column or name) in rows:
            source[name] = column or name
        elif name != "session_id" and not (options.label and name in ("age", "sex")):
            hint = f" ({option} names another)" if option else " (not needed where --label names a column)"
            raise UserError(f"{path}: column '{name}' is missing{hint}; found: {there}")
    return source


def _names(path: Path, rows: pd.DataFrame, name: str) -> pd.Series:
    texts = _text(path, rows, name)
    empty = np.flatnonzero(texts == "")
    if len(empty):
        raise UserError(f"{path}: row {empty[0] + 1}, column '{name}': empty is not allowed")
    return texts


def _text(path: Path, rows: pd.DataFrame, name: str) -> pd.Series:
    texts = rows[name].astype(object).map(as_text)
    _check_breaking(path, name, texts)
    return texts


def _check_breaking(path: Path, name: str, texts: pd.Series) -> None:
    for row, text in enumerate(texts, start=1):
        if _BREAKING.search(text):
            raise UserError(
                f"{path}: row {row}, column '{name}': {text!r} is not allowed; it must be text without ';' and "
                "control characters"
            )


def _split(path: Path, rows: pd.DataFrame) -> pd.Series:
    texts = rows["split"].astype(object).map(as_text)
    wrong = np.flatnonzero(~texts.isin((*SPLITS, "")))
    if len(wrong):
        raise UserError(
            f"{path}: row {wrong[0] + 1}, column 'split': {texts.iloc[wrong[0]]!r} is not allowed; allowed: "
            f"{', '.join(SPLITS)}, or empty"
        )
    return texts


def _check_sessions(path: Path, frame: pd.DataFrame, source: dict[str, str]) -> None:
    twice = np.flatnonzero(frame.duplicated(["site", "subject_id"]))
    if len(twice):
        row = int(twice[0])
        raise UserError(
            f"{path}: column 'session_id' is missing (--session names another), and row {row + 1} is another scan of "
            f"subject '{frame['subject_id'].iloc[row]}' ({source['subject_id']}) at the same site; without sessions, "
            "one scan per subject and site is allowed"
        )


def _check_joined(path: Path, frame: pd.DataFrame) -> None:
    # Scans are ordered by their joined key: a/b + c must not be a + b/c.
    joined = frame["site"] + "/" + frame["subject_id"] + "/" + frame["session_id"]
    twice = np.flatnonzero(joined.duplicated())
    if len(twice):
        raise UserError(
            f"{path}: row {twice[0] + 1}: scan '{joined.iloc[twice[0]]}' (site/subject_id/session_id) reads like that "
            f"of row {np.flatnonzero(joined == joined.iloc[twice[0]])[0] + 1}; '/' is not allowed in these names"
        )

"""Which column is the subject, the session, the site and the label of a scan."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.data.schema import SPLITS
from benchmark.embeddings.labels import check_known
from benchmark.embeddings.loaded import Loaded
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.table import REQUIRED, as_text, check_keys, check_values, ldr_columns, numbers
from benchmark.errors import UserError

#: Session of scans whose file has no sessions, where subject and site name a scan.
ONLY_SESSION = "1"

#: Most distinct numbers with a fraction that still are labels, such as 0, 0.5, 1, 2, 3 of the CDR.
MOST_FRACTIONS = 10

#: Names, by their small letters, of columns that may well be the subjects'.
_SUBJECTS = frozenset(("subject", "subjects", "participantid", "participant", "ptid", "patno", "rid", "patientid"))

_UNKNOWN = ("", "NA", "N/A", "nan", "NaN")

#: What would end a parameter of a score, or a line of a table.
_BREAKING = re.compile(r"[;\x00-\x1f\x7f]")

#: What an option's column takes the place of.
_COLUMNS = {"label": "diagnosis", "site": "site", "subject": "subject_id", "session": "session_id"}


def scored_frame(loaded: Loaded, options: ForeignOptions) -> pd.DataFrame:
    """The table that is scored, with the columns of :class:`benchmark.embeddings.table.EmbeddingTable`.

    Parameters
    ----------
    loaded
        Rows and vectors; columns ``z0, z1, ...`` of the rows are left out.
    options
        ``label, site, subject, session`` name columns that take the place of ``diagnosis, site, subject_id,
        session_id``. Only the site must be there, for leakage alone: diagnosis, age and sex may be missing, without a
        diagnosis subjects too, so that every scan counts as one, and sessions where no subject has two scans at a
        site. Labels that look like known ones under other names are asked about.

    Raises
    ------
    UserError
        For a column that is missing, an empty subject, session or site, a scan in two rows, an age that is no
        number, a split that is none, a label that is no class, and one that looks like another.
    """
    path, rows = loaded.rows_path, loaded.rows.drop(columns=ldr_columns(loaded.rows))
    source = _sources(path, rows, options)
    frame = pd.DataFrame(index=rows.index)
    substitutes = {"subject_id": [f"scan{row}" for row in range(1, len(rows) + 1)], "session_id": ONLY_SESSION}
    for name in ("subject_id", "session_id", "site"):
        frame[name] = _text(path, rows, source[name]) if name in source else substitutes[name]
        check_values(path, source.get(name, name), frame[name], frame[name] == "", "")
    label = source.get("diagnosis")
    if label is None:
        frame["diagnosis"] = ""
    else:
        chosen = options.label is not None
        frame["diagnosis"] = label_texts(path, label, rows[label]) if chosen else _text(path, rows, label)
    frame["age"] = numbers(path, rows, "age", finite=False) if "age" in rows else np.nan
    frame["sex"] = _text(path, rows, "sex") if "sex" in rows else ""
    check_known(path, frame, options)
    if "split" in rows:
        frame["split"] = rows["split"].astype(object).map(as_text)
        allowed = f"allowed: {', '.join(SPLITS)}, or empty"
        check_values(path, "split", frame["split"], ~frame["split"].isin((*SPLITS, "")), allowed)
    if "session_id" not in source:
        _check_sessions(path, frame, source)
    check_keys(path, frame)
    return pd.concat([frame, rows.drop(columns=frame.columns, errors="ignore"), loaded.vectors], axis=1)


def remarks(loaded: Loaded, options: ForeignOptions) -> dict[str, str]:
    """What a reader of tables must know of columns that are missing or took another's place, by name."""
    told = {
        name: f"column '{column}' is the {name}; where tables say {default}, they mean it."
        for name, default in _COLUMNS.items()
        if (column := getattr(options, name)) is not None and column != default
    }
    if (options.subject or "subject_id") not in loaded.rows:
        told["subject"] = (
            "there is no column of subjects, so every scan counts as one; where subjects have several scans, leakage "
            "reads too high and intervals are too narrow."
        )
    return told


def label_texts(path: Path, name: str, column: pd.Series) -> pd.Series:
    """A column of any kind, shape (scans,), as text labels; empty where it is empty, NA or NaN.

    Whole numbers and text are labels as they are. Numbers with a fraction are labels if there are at most
    :data:`MOST_FRACTIONS` distinct ones; 1 and 1.0 are then the same.

    Raises
    ------
    UserError
        For a measurement in place of classes, a label with ``;`` or a line break, and fewer than two labels.
    """
    texts = column.astype(object).map(as_text).str.strip()
    texts = texts.mask(texts.isin(_UNKNOWN), "")
    known = texts[texts != ""]
    values = pd.to_numeric(known, errors="coerce").astype(np.float64)
    if values.notna().all() and (values % 1 != 0).any():
        distinct = values.nunique()
        if distinct > MOST_FRACTIONS:
            raise UserError(
                f"{path}: column '{name}' (--label) holds {distinct} distinct numbers such as {known.iloc[0]}; "
                f"allowed: text, whole numbers, or at most {MOST_FRACTIONS} distinct numbers with a fraction; cut it "
                "into classes first"
            )
        texts.loc[known.index] = values.map(as_text)
    labels = sorted(set(texts) - {""})
    if len(labels) < 2:
        there = f"only '{labels[0]}'" if labels else "no value"
        raise UserError(f"{path}: column '{name}' (--label) holds {there}; at least two labels are needed")
    return _text(path, texts.to_frame(name), name)


def _sources(path: Path, rows: pd.DataFrame, options: ForeignOptions) -> dict[str, str]:
    """Columns of the rows by what they are."""
    named = {default: name for name, default in _COLUMNS.items()}
    there = ", ".join(map(str, rows.columns))
    source = {}
    for name in REQUIRED:
        column = getattr(options, named[name]) if name in named else None
        if column is not None and column not in rows:
            raise UserError(f"{path}: column '{column}' (--{named[name]}) is missing; found: {there}")
        if (column or name) in rows:
            source[name] = column or name
    if "site" not in source:
        raise UserError(f"{path}: column 'site' is missing (--site names another); found: {there}")
    if "subject_id" not in source:
        alike = [str(column) for column in rows if re.sub(r"[^a-z]", "", str(column).casefold()) in _SUBJECTS]
        if alike or "diagnosis" in source:
            why = f"'{alike[0]}' looks like it" if alike else "retrieval leaves out scans of the query's own subject"
            raise UserError(f"{path}: column 'subject_id' is missing (--subject names another): {why}; found: {there}")
    return source


def _text(path: Path, rows: pd.DataFrame, name: str) -> pd.Series:
    texts = rows[name].astype(object).map(as_text)
    allowed = "it must be text without ';' and control characters"
    check_values(path, name, texts, texts.map(_BREAKING.search).notna(), allowed)
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

"""Labels under other names: those that a user maps, and those that look like known ones and are asked about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmark.data.schema import DIAGNOSES, SEXES
from benchmark.embeddings.loaded import Loaded
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.table import as_text, listed
from benchmark.errors import UserError

#: Words, in small letters and without punctuation, that tables use for a label. They are only ever asked about.
_WORDS = {
    "diagnosis": {
        "CN": (
            "control", "controls", "ctrl", "ctl", "hc", "nc", "cu", "smc", "healthy", "normal", "nondemented",
            "no dementia", "cognitively normal", "cognitively unimpaired", "healthy control", "healthy controls",
            "normal control",
        ),
        "MCI": ("emci", "lmci", "amci", "mild cognitive impairment"),
        "AD": (
            "dementia", "demented", "dat", "alzheimer", "alzheimers", "alzheimer disease", "alzheimers disease",
            "ad dementia", "alzheimer disease dementia",
        ),
        "PD": ("parkinson", "parkinsons", "parkinson disease", "parkinsons disease"),
    },
    "sex": {"F": ("female", "woman", "w"), "M": ("male", "man")},
}  # fmt: skip
_ALLOWED = {"diagnosis": DIAGNOSES, "sex": SEXES}
#: Codes of the sex by the codes that a column holds; archives do not agree, so the message says whose they are.
_SEX_CODES = (
    (frozenset("12"), {"1": "M", "2": "F"}, "as OASIS codes it"),
    (frozenset("01"), {"0": "F", "1": "M"}, "as PPMI codes it; others have it the other way round"),
)


def parse_maps(texts: Iterable[str]) -> dict[str, dict[str, str]]:
    """New label by old one, by column, from texts such as ``diagnosis: control=CN, Dementia=AD``.

    Raises
    ------
    UserError
        For a text of another form, and for a label that is mapped to two.
    """
    maps: dict[str, dict[str, str]] = {}
    for text in texts:
        column, colon, pairs = (part.strip() for part in text.partition(":"))
        for pair in pairs.split(","):
            old, equals, new = (part.strip() for part in pair.partition("="))
            if not (column and colon and old and equals):
                raise UserError(f"--map: '{text}' is not allowed; it must be like 'diagnosis: control=CN, Dementia=AD'")
            if maps.setdefault(column, {}).setdefault(old, new) != new:
                raise UserError(f"--map: '{old}' of column '{column}' is mapped to '{maps[column][old]}' and '{new}'")
    return maps


def mapped(loaded: Loaded, options: ForeignOptions) -> Loaded:
    """Rows with the labels of ``options.map`` in the place of those of the file, and a remark that says so.

    Raises
    ------
    UserError
        For a column, or a label of it, that the file does not have.
    """
    rows, notes = loaded.rows, dict(loaded.notes)
    for column, names in options.map.items():
        if column not in rows:
            found = ", ".join(map(str, rows.columns))
            raise UserError(f"{loaded.rows_path}: column '{column}' (--map) is missing; found: {found}")
        texts = rows[column].astype(object).map(as_text).str.strip()
        absent = [old for old in names if old not in set(texts)]
        if absent:
            there = listed(sorted(set(texts)))
            raise UserError(f"{loaded.rows_path}: column '{column}' holds no '{absent[0]}' (--map); it holds: {there}")
        rows = rows.assign(**{column: texts.replace(dict(names))})
        changes = ", ".join(f"{old} is read as {new or 'unknown'}" for old, new in names.items() if old != new)
        if changes:
            notes[f"map_{column}"] = f"column '{column}': {changes}."
    return replace(loaded, rows=rows, notes=notes)


def check_known(path: Path, frame: pd.DataFrame, options: ForeignOptions) -> None:
    """Ask about labels that look like known ones under other names.

    Labels that a user maps, be it to themselves, are taken as they are, and so are those of ``--label``.

    Raises
    ------
    UserError
        With the ``--map`` that would do.
    """
    lines, maps = [], []
    for column in ("diagnosis",) * (options.label is None) + ("sex",):
        counts = Counter(frame[column]) - Counter({"": len(frame)})
        unknown = [label for label in counts if label not in {*_ALLOWED[column], *options.map.get(column, {}).values()}]
        alike, why = _alike(column, unknown)
        if alike:
            named = ", ".join(f"'{old}' ({counts[old]} rows) looks like {new}" for old, new in alike.items())
            lines.append(f"column '{column}': {named}{why}")
            maps.append(f"'{column}: {', '.join(f'{old}={new}' for old, new in alike.items())}'")
    if lines:
        raise UserError(
            f"{path}: {'; '.join(lines)}; if so, add --map {' '.join(maps)}; to keep a label, map it to itself"
        )


def _alike(column: str, labels: list[str]) -> tuple[Mapping[str, str], str]:
    """Known label by one that looks like it, and a remark."""
    if column == "sex":
        for codes, meanings, remark in _SEX_CODES:
            if labels and codes >= set(labels):
                return {label: meanings[label] for label in sorted(labels)}, f" ({remark})"
    words = {label.casefold(): label for label in _ALLOWED[column]}
    for label, names in _WORDS[column].items():
        words |= dict.fromkeys(names, label)
    folded = {label: re.sub(r"[^a-z0-9]+", " ", label.casefold().replace("'", "")).strip() for label in labels}
    return {label: words[text] for label, text in sorted(folded.items()) if text in words}, ""

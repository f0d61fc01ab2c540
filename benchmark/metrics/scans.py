"""The scans that are scored, and the training statistics that scoring may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.embeddings.table import ldr_columns, numbered_columns
from benchmark.errors import UserError
from benchmark.metrics.settings import EvaluationSettings
from benchmark.seeds import generator


@dataclass(frozen=True)
class Scans:
    """Scored scans in the order of their keys, and the LDRs that statistics are taken from.

    Attributes
    ----------
    ldr
        Shape (scans, dimensions), float64.
    key, subject, site, diagnosis, sex
        Shape (scans,), text; diagnosis and sex are empty where unknown.
    age
        Years, shape (scans,), float64; NaN where unknown.
    other
        Every other column of the table, a row per scan in the same order: style code, quality of the
        reconstruction, a phantom's true anatomy, where the table has them.
    reference
        LDRs that centre, scale and whitening come from, shape (reference scans, dimensions).
    reference_subject
        Subject of each reference scan, shape (reference scans,).
    reference_age
        Age at each reference scan in years, shape (reference scans,); NaN where unknown.
    reference_is_train
        Whether these are the training scans; otherwise they are all scans of the table, the scored ones among
        them, which every row that uses them says (``centre=all``, ``statistics=all``).
    reference_other
        Every other column of the table, a row per reference scan in the same order.
    memo
        Results that several metrics share, by a key of their own; never part of what the scans are.
    """

    ldr: npt.NDArray[np.float64]
    key: npt.NDArray[np.str_]
    subject: npt.NDArray[np.str_]
    site: npt.NDArray[np.str_]
    diagnosis: npt.NDArray[np.str_]
    sex: npt.NDArray[np.str_]
    age: npt.NDArray[np.float64]
    other: pd.DataFrame
    reference: npt.NDArray[np.float64]
    reference_subject: npt.NDArray[np.str_]
    reference_age: npt.NDArray[np.float64]
    reference_is_train: bool
    reference_other: pd.DataFrame = field(default_factory=pd.DataFrame)
    memo: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.key)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Scans:
        """The scans where a mask of shape (scans,) is true; the reference stays."""
        chosen_rows = {name: getattr(self, name)[chosen] for name in _PER_SCAN}
        return replace(self, **chosen_rows, memo={})


#: Fields with a row per scored scan.
_PER_SCAN = ("ldr", "key", "subject", "site", "diagnosis", "sex", "age", "other")


def scored_scans(embeddings: pd.DataFrame) -> Scans:
    """Take the scored scans out of an embeddings table: the test split, or all rows without a `split` column.

    Parameters
    ----------
    embeddings
        Table as :func:`benchmark.embeddings.table.read_embeddings` gives it; the order of its rows has no effect.

    Raises
    ------
    UserError
        If there is a `split` column in which no row is ``test``, or a value of an LDR that is not finite.
    """
    columns = ldr_columns(embeddings)
    ldr = embeddings[columns].to_numpy(np.float64)
    text = {name: _text(embeddings[name]) for name in ("subject_id", "session_id", "site", "diagnosis", "sex")}
    key = np.array(
        ["/".join(parts) for parts in zip(text["site"], text["subject_id"], text["session_id"], strict=True)],
        dtype=np.str_,
    )
    _check_finite(ldr, key, columns)
    order = np.argsort(key, kind="stable")
    scored, train = np.ones(len(key), bool), np.zeros(len(key), bool)
    if "split" in embeddings:
        split = _text(embeddings["split"])
        scored, train = split == "test", split == "train"
        if not scored.any():
            found = ", ".join(repr(str(value)) for value in np.unique(split))
            raise UserError(f"column 'split': no row is 'test', so there is nothing to score; found: {found}")
    rows = order[scored[order]]
    reference = order[train[order]] if train.any() else order
    age = pd.to_numeric(embeddings["age"]).to_numpy(np.float64)
    rest = [name for name in embeddings.columns if name not in (*text, "age", "split", *columns)]
    return Scans(
        ldr=ldr[rows],
        key=key[rows],
        subject=text["subject_id"][rows],
        site=text["site"][rows],
        diagnosis=text["diagnosis"][rows],
        sex=text["sex"][rows],
        age=age[rows],
        other=embeddings[rest].iloc[rows].reset_index(drop=True),
        reference=ldr[reference],
        reference_subject=text["subject_id"][reference],
        reference_age=age[reference],
        reference_is_train=bool(train.any()),
        reference_other=embeddings[rest].iloc[reference].reset_index(drop=True),
    )


def at_most(scans: Scans, limit: int, seed: int) -> Scans:
    """All scans, or those of randomly drawn subjects, as many as fit into a limit; whole subjects, same order.

    Parameters
    ----------
    scans
        The scored scans.
    limit
        Largest number of scans.
    seed
        Of the draw, which depends on the subjects' names alone.
    """
    if len(scans) <= limit:
        return scans
    names, owner, count = np.unique(scans.subject, return_inverse=True, return_counts=True)
    order = generator(seed, "subsample").permutation(len(names))
    fits = np.cumsum(count[order]) <= limit
    chosen = np.zeros(len(names), bool)
    chosen[order[fits]] = True
    return scans.where(chosen[owner])


def sampled(scans: Scans, settings: EvaluationSettings) -> tuple[Scans, dict[str, str]]:
    """:func:`at_most` the scans that probes may see, and parameters of rows that say what was looked at.

    They say that statistics come from all scans, and how many scans there are where they are not all.
    """
    part = at_most(scans, settings.probe_scans, settings.seed)
    statistics = {} if scans.reference_is_train else {"statistics": "all"}
    return part, {**statistics, **({"scans": str(len(part))} if len(part) < len(scans) else {})}


def numbers_in(table: pd.DataFrame, letter: str) -> npt.NDArray[np.float64] | None:
    """Numbers in a table's columns of a letter and a number, shape (rows, columns); None where there are none."""
    names = numbered_columns(table, letter)
    return table[names].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64) if names else None


def _check_finite(ldr: npt.NDArray[np.float64], key: npt.NDArray[np.str_], columns: Sequence[str]) -> None:
    bad = ~np.isfinite(ldr)
    if bad.any():
        scans = bad.any(axis=1)
        row = int(np.argmax(scans))
        column = int(np.argmax(bad[row]))
        raise UserError(
            f"embeddings: scan '{key[row]}', column '{columns[column]}': {ldr[row, column]} is not allowed; it must be "
            f"a finite number; {scans.sum()} of {len(key)} scans have such values: embed them again, or leave them out"
        )


def _text(column: pd.Series) -> npt.NDArray[np.str_]:
    return column.fillna("").astype(str).to_numpy(dtype=np.str_)

"""The scans that are scored, and the training statistics that scoring may use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.embeddings import ldr_columns
from benchmark.errors import UserError


@dataclass(frozen=True)
class Scans:
    """Scored scans in the order of their keys, and the LDRs that statistics are taken from.

    Attributes
    ----------
    ldr
        Shape (scans, dimensions), float64.
    key, subject, site, diagnosis
        Shape (scans,), text; diagnosis is empty where unknown.
    reference
        LDRs that centre, scale and whitening come from, shape (reference scans, dimensions).
    reference_is_train
        Whether these are the training scans; otherwise they are all scans of the table, the scored ones among
        them, which every row that uses them says (``centre=all``, ``statistics=all``).
    """

    ldr: npt.NDArray[np.float64]
    key: npt.NDArray[np.str_]
    subject: npt.NDArray[np.str_]
    site: npt.NDArray[np.str_]
    diagnosis: npt.NDArray[np.str_]
    reference: npt.NDArray[np.float64]
    reference_is_train: bool

    def __len__(self) -> int:
        return len(self.key)

    def where(self, chosen: npt.NDArray[np.bool_]) -> Scans:
        """The scans where a mask of shape (scans,) is true; the reference stays."""
        return Scans(
            self.ldr[chosen],
            self.key[chosen],
            self.subject[chosen],
            self.site[chosen],
            self.diagnosis[chosen],
            self.reference,
            self.reference_is_train,
        )


def scored_scans(embeddings: pd.DataFrame) -> Scans:
    """Take the scored scans out of an embeddings table: the test split, or all rows without a `split` column.

    Parameters
    ----------
    embeddings
        Table as :func:`benchmark.embeddings.read_embeddings` gives it; the order of its rows has no effect.

    Raises
    ------
    UserError
        If there is a `split` column in which no row is ``test``.
    """
    columns = ldr_columns(embeddings)
    ldr = embeddings[columns].to_numpy(np.float64)
    text = {name: _text(embeddings[name]) for name in ("subject_id", "session_id", "site", "diagnosis")}
    key = np.array(
        ["/".join(parts) for parts in zip(text["site"], text["subject_id"], text["session_id"], strict=True)],
        dtype=np.str_,
    )
    order = np.argsort(key, kind="stable")
    scored, train = np.ones(len(key), bool), np.zeros(len(key), bool)
    if "split" in embeddings:
        split = _text(embeddings["split"])
        scored, train = split == "test", split == "train"
        if not scored.any():
            found = ", ".join(repr(str(value)) for value in np.unique(split))
            raise UserError(f"column 'split': no row is 'test', so there is nothing to score; found: {found}")
    rows = order[scored[order]]
    reference = ldr[order[train[order]]] if train.any() else ldr[order]
    return Scans(
        ldr[rows],
        key[rows],
        text["subject_id"][rows],
        text["site"][rows],
        text["diagnosis"][rows],
        reference,
        bool(train.any()),
    )


def check_query_sites(scans: Scans, query_sites: Sequence[str] | None) -> npt.NDArray[np.bool_]:
    """Mask, shape (scans,), of the scans that may be queries.

    Raises
    ------
    UserError
        For a site that has no scored scan; the message lists those that have.
    """
    if query_sites is None:
        return np.ones(len(scans), bool)
    known = np.unique(scans.site)
    for site in query_sites:
        if site not in known:
            raise UserError(f"query site '{site}' has no scored scan; sites with scored scans: {', '.join(known)}")
    return np.isin(scans.site, list(query_sites))


def _text(column: pd.Series) -> npt.NDArray[np.str_]:
    return column.fillna("").astype(str).to_numpy(dtype=np.str_)

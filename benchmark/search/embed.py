"""Embeddings of many files by an exported model; an interrupted call goes on where it was."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from benchmark.data.atomic import atomic_path
from benchmark.embeddings.table import REQUIRED, write_embeddings
from benchmark.errors import UserError
from benchmark.search.first_stage import apply, file_state
from benchmark.train.exported_model import ExportedModel
from benchmark.train.loaded_method import BATCH

#: Name of the note that says which model made an embeddings file.
MODEL_NOTE = "model"


def embed_scans(
    model: ExportedModel,
    scans: pd.DataFrame,
    parts: Path,
    raw: bool = False,
    processes: int = 1,
    progress: bool = False,
) -> pd.DataFrame:
    """Embed scans, batch by batch; what an earlier call has done of the same files is not done again.

    Parameters
    ----------
    model
        The model.
    scans
        As :func:`scans_of_images` or :func:`scans_of_manifests` gives them.
    parts
        Folder of what is done so far; whoever has written the embeddings removes it.
    raw
        Whether images are raw, and go through the model's first stage of preprocessing.
    processes
        Raw images that are prepared at a time.
    progress
        Whether bars with the time left go to stderr.

    Returns
    -------
    pandas.DataFrame
        An embeddings table with the column ``image`` besides, and ``split`` where the scans have any.

    Raises
    ------
    UserError
        For files that cannot be used, and for what differs from the training.
    """
    prepared = scans.reset_index(drop=True)
    if raw:
        if model.description["raw"] is None:
            raise UserError(f"--raw: the model cannot prepare raw images; {model.description['prepared']}")
        stage, folder = model.description["raw"], parts / "prepared"
        # What is wrong with sites, sexes or masks is said before hours of work on images.
        first = apply(stage, prepared[:1], folder).iloc[0]
        model.check(prepared.assign(image=first["image"], mask=first["mask"]))
        prepared = apply(stage, prepared, folder, processes, progress)
    model.check(prepared)
    parts.mkdir(parents=True, exist_ok=True)
    found = []
    with tqdm(total=len(prepared), desc="embed", unit="scan", disable=not progress, file=sys.stderr) as bar:
        for start in range(0, len(prepared), BATCH):
            batch = prepared[start : start + BATCH]
            found.append(_ldrs(model, batch, parts))
            bar.update(len(batch))
    ldr = np.concatenate(found)
    known = [*REQUIRED, *(["split"] if "split" in scans and (scans["split"].fillna("") != "").any() else []), "image"]
    vectors = pd.DataFrame(ldr, columns=[f"z{number}" for number in range(ldr.shape[1])])
    return pd.concat([scans[known].reset_index(drop=True), vectors], axis=1)


def write(model: ExportedModel, table: pd.DataFrame, out: Path, parts: Path) -> None:
    """Write an embeddings table as Parquet or CSV, by the file's name, and remove what was kept on the way."""
    if out.suffix == ".csv":
        with atomic_path(out) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
    else:
        write_embeddings(table, out, {**model.model.notes(), MODEL_NOTE: model.digest})
    shutil.rmtree(parts, ignore_errors=True)


def _ldrs(model: ExportedModel, batch: pd.DataFrame, parts: Path) -> NDArray[np.float32]:
    path = parts / f"{_key(model, batch)}.npy"
    if path.is_file():
        try:
            known: NDArray[np.float32] = np.load(path, allow_pickle=False)
            if known.shape == (len(batch), model.dimension):
                return known
        except (OSError, ValueError, EOFError):
            pass
    made = model.ldrs_of(batch)
    with atomic_path(path) as temporary:
        np.save(temporary, made)
    return made


def _key(model: ExportedModel, batch: pd.DataFrame) -> str:
    rows: list[Any] = [model.digest, int(batch.index[0])]
    for row in batch[["image", "mask", "site", "age", "sex"]].astype(str).to_dict("records"):
        states = [file_state(row[name]) for name in ("image", "mask") if row[name]]
        rows.append([states, row["site"], row["age"], row["sex"]])
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:24]

"""A file of embeddings as one method, a folder of them as a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from benchmark.embeddings.npz import rows_of
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.read import READERS, check_meant, read_foreign
from benchmark.embeddings.table import KEY, EmbeddingTable, listed
from benchmark.errors import UserError

#: Name of the remark that methods with different scans get.
OTHER_SCANS = "other_scans"


def read_methods(
    path: Path, options: ForeignOptions, allow_different_scans: bool = False
) -> dict[str, tuple[Path, EmbeddingTable]]:
    """Read embeddings: one file, or all files of a folder.

    Parameters
    ----------
    path
        File, or folder whose files of a suffix in :data:`benchmark.embeddings.read.READERS` are read, hidden ones and
        those in folders within it left out. A table with the rows of an array is no method.
    options
        Where their parts are.
    allow_different_scans
        Whether methods may have other scans, splits or labels than each other. Their scores are not comparable then,
        which a remark says.

    Returns
    -------
    dict of str to tuple
        File and embeddings by method, which is the file's stem, in alphabetical order.

    Raises
    ------
    UserError
        For anything that cannot be used: a folder without embeddings, two files of one stem, methods with different
        scans, and all that :func:`benchmark.embeddings.read.read_foreign` refuses.
    """
    files = _files(path, options) if path.is_dir() else [path]
    check_meant({file.suffix for file in files}, options)
    methods: dict[str, tuple[Path, EmbeddingTable]] = {}
    for file in files:
        if file.stem in methods:
            raise UserError(f"{path}: {methods[file.stem][0].name} and {file.name} are both method '{file.stem}'")
        methods[file.stem] = file, read_foreign(file, options)
    check_same_scans(str(path), {name: table for name, (_, table) in methods.items()}, allow_different_scans)
    return methods


def check_same_scans(source: str, methods: Mapping[str, EmbeddingTable], allow_different_scans: bool) -> None:
    """Refuse methods that have other scans, splits or labels than each other; where they may, note it in all of them.

    Raises
    ------
    UserError
        With what they differ in.
    """
    difference = _difference({name: table.frame for name, table in methods.items()})
    if difference and not allow_different_scans:
        raise UserError(
            f"{source}: the files are not comparable: {difference}; give the same scans to every method, or "
            "--allow_different_scans true"
        )
    if difference:
        for table in methods.values():
            table.notes[OTHER_SCANS] = (
                f"{len(table.frame)} rows; not comparable with methods of other scans. No statistics between methods."
            )


def _files(folder: Path, options: ForeignOptions) -> list[Path]:
    there = sorted(
        file for file in folder.iterdir() if file.suffix in READERS and not file.name.startswith(".") and file.is_file()
    )
    tables = {rows_of(file, options).resolve() for file in there if file.suffix in (".npz", ".npy")}
    files = [file for file in there if file.resolve() not in tables]
    if not files:
        raise UserError(f"{folder}: holds no embeddings; allowed: {', '.join(READERS)} files")
    return files


def _difference(frames: Mapping[str, pd.DataFrame]) -> str:
    """What the methods' scans differ in, "" if nothing."""
    (first, reference), *others = ((name, _described(frame)) for name, frame in frames.items())
    told = []
    for name, described in others:
        lacking = reference.index.difference(described.index)
        surplus = described.index.difference(reference.index)
        sentences = [
            f"{len(keys)} {'scan' if len(keys) == 1 else 'scans'} ({listed(keys.tolist())}) {where}"
            for keys, where in ((lacking, f"of '{first}' not in '{name}'"), (surplus, f"of '{name}' not in '{first}'"))
            if len(keys)
        ]
        if not sentences:
            sentences = [
                f"{column} of scan '{scan}' is '{old}' in '{first}' and '{new}' in '{name}'"
                for column in reference.columns
                for scan, old, new in zip(reference.index, reference[column], described[column], strict=True)
                if old != new
            ][:1]
        told += sentences
    return ", ".join(told)


def _described(frame: pd.DataFrame) -> pd.DataFrame:
    keys = pd.Index(["/".join(parts) for parts in zip(*(frame[name] for name in KEY), strict=True)], dtype=object)
    split = frame["split"].to_numpy() if "split" in frame else ""
    described = pd.DataFrame({"label": frame["diagnosis"].to_numpy(), "split": split}, index=keys)
    return described.sort_index()

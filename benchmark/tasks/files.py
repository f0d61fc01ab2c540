"""Files of a submission: which run each of them is of, and whether it is small enough to be read."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmark.embeddings.npz import rows_of
from benchmark.embeddings.options import ForeignOptions
from benchmark.embeddings.read import READERS
from benchmark.errors import UserError
from benchmark.tasks.card import shown
from benchmark.tasks.task import Expected, Task

#: What a file may hold for each scan of its run, and besides, once it is unpacked.
BYTES_PER_SCAN, BYTES_BESIDES = 64 * 1024, 1024 * 1024
#: What a column of text of a Parquet file may hold of that.
TEXT_PER_SCAN, TEXT_BESIDES = 256, 64 * 1024

RUNS_COLUMNS = ("file", "protocol", "held_out_site", "seed")


def files_of_runs(
    given: Sequence[Path], task: Task, runs_table: Path | None = None, allow_missing: bool = False
) -> dict[Expected, Path]:
    """Which file is which run's.

    Parameters
    ----------
    given
        Files, or folders of them. A file is of the run by whose :attr:`benchmark.tasks.task.Expected.stem` it is
        called.
    task
        The task.
    runs_table
        CSV file with the columns ``file`` (below its folder), ``protocol``, ``held_out_site`` and ``seed``, in place of
        the names of files.
    allow_missing
        Whether runs may be missing; means over them are missing then.

    Raises
    ------
    UserError
        For a file that is of no run of the task, two of one run, and runs without a file, all of them named.
    """
    if (runs_table is None) == (not given):
        raise UserError("give files of embeddings, or --runs with a table of them, and not both")
    expected = {run.stem: run for run in task.runs}
    found: dict[Expected, Path] = {}
    pairs = (
        _told(runs_table, task)
        if runs_table is not None
        else [(path, expected.get(path.stem)) for path in _listed(given)]
    )
    for path, run in pairs:
        if run is None:
            some = ", ".join(list(expected)[:4]) + (", ..." if len(expected) > 4 else "")
            raise UserError(f"{path}: is of no run of the task by its name; allowed: {some}, or --runs names it")
        if run in found:
            raise UserError(f"{path}: is of the run '{run.stem}', and so is {found[run]}; one file a run is allowed")
        found[run] = path
    missing = [run.stem for run in task.runs if run not in found]
    if not found or (missing and not allow_missing):
        raise UserError(
            f"{len(missing)} of {len(task.runs)} runs of the task have no file: {', '.join(missing)}; "
            "--allow_missing true scores the others, whose means then stay empty"
        )
    return {run: found[run] for run in task.runs if run in found}


def check_size(path: Path, scans: int) -> None:
    """Refuse a file that is larger than so many scans can need, before any of it is unpacked.

    Parameters
    ----------
    path
        The file.
    scans
        Scans of its run. A Parquet file must have as many rows; of any file, what it holds unpacked may be
        :data:`BYTES_PER_SCAN` a scan, and :data:`BYTES_BESIDES`.

    Raises
    ------
    UserError
        If it is larger, or no regular file.
    """
    if path.suffix not in READERS:
        raise UserError(f"{path}: suffix '{path.suffix}' is not allowed; allowed: {', '.join(READERS)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    _check_bytes(path, path.stat().st_size, scans)
    if path.suffix == ".npz":
        rows = rows_of(path, ForeignOptions())
        if rows.is_file():
            _check_bytes(rows, rows.stat().st_size, scans)
    try:
        _check_bytes(
            path, {".parquet": _parquet, ".npz": _npz, ".h5ad": _h5ad}.get(path.suffix, _nothing)(path, scans), scans
        )
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a damaged file makes of the libraries' own errors)
        raise UserError(f"{path}: cannot be read as {path.suffix[1:]}: {shown(' '.join(str(error).split()))}") from None


def _check_bytes(path: Path, size: int, scans: int) -> None:
    most = BYTES_PER_SCAN * scans + BYTES_BESIDES
    if size > most:
        raise UserError(
            f"{path}: holds {size} bytes; {most} are allowed for {scans} scans ({BYTES_PER_SCAN} each and "
            f"{BYTES_BESIDES})"
        )


def _nothing(path: Path, scans: int) -> int:
    return 0


def _parquet(path: Path, scans: int) -> int:
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    if metadata.num_rows != scans:
        raise UserError(f"{path}: has {metadata.num_rows} rows; {scans} are due, one for each scan of the run")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    for column in (group.column(number) for group in groups for number in range(group.num_columns)):
        # A value that every row refers to, or a run of equal ones, is stored once and would fill the memory when read.
        text = column.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY") and column.total_uncompressed_size
        if column.num_values > scans or text > TEXT_PER_SCAN * scans + TEXT_BESIDES:
            raise UserError(
                f"{path}: column {shown(column.path_in_schema)} holds {column.num_values} values in "
                f"{column.total_uncompressed_size} bytes; a column has one value a scan, and of text "
                f"{TEXT_PER_SCAN * scans + TEXT_BESIDES} bytes at most"
            )
    return sum(group.total_byte_size for group in groups)


def _npz(path: Path, scans: int) -> int:
    if not zipfile.is_zipfile(path):
        # Its reader says so.
        return 0
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def _h5ad(path: Path, scans: int) -> int:
    try:
        h5py: Any = import_module("h5py")
    except ImportError:
        # Its reader says what is to be installed.
        return 0
    sizes: list[int] = []

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            if item.external:
                raise UserError(f"{path}: '{name}' lies in another file, which is not allowed")
            sizes.append(int(item.size or 0) * max(int(item.dtype.itemsize), 1))

    with h5py.File(path, "r") as file:
        file.visititems(look)
    return sum(sizes)


def _listed(given: Sequence[Path]) -> list[Path]:
    """Files, and those in folders, without the tables of rows of ``.npz`` files."""
    files = []
    for path in given:
        if not path.is_dir():
            files.append(path)
            continue
        there = sorted(each for each in path.iterdir() if each.suffix in READERS and not each.name.startswith("."))
        if not there:
            raise UserError(f"{path}: holds no embeddings; allowed: {', '.join(READERS)} files")
        files += there
    tables = {rows_of(path, ForeignOptions()) for path in files if path.suffix == ".npz"}
    return [path for path in files if path not in tables]


def _told(table: Path, task: Task) -> list[tuple[Path, Expected | None]]:
    known = {(run.protocol, run.held_out_site, str(run.seed)): run for run in task.runs}
    folder = table.parent.resolve()
    if not table.is_file():
        raise UserError(f"{table}: no such file")
    try:
        _check_bytes(table, table.stat().st_size, len(known))
        with table.open(encoding="utf-8-sig", newline="") as stream:
            rows = [line for line in csv.reader(stream) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{table}: cannot be read as csv: {shown(str(getattr(error, 'strerror', None) or error))}"
        ) from None
    if not rows or tuple(rows[0]) != RUNS_COLUMNS:
        raise UserError(f"{table}: its first line must be {','.join(RUNS_COLUMNS)}")
    found: list[tuple[Path, Expected | None]] = []
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(RUNS_COLUMNS):
            raise UserError(f"{table}: row {number}: {len(row)} values for {len(RUNS_COLUMNS)} columns")
        name, *run = row
        path = table.parent / name
        inside = "\0" not in name and not Path(name).is_absolute() and path.resolve().is_relative_to(folder)
        if not inside or path.resolve() == folder:
            raise UserError(
                f"{table}: row {number}, column 'file': {shown(name)} is not allowed; it must lie in {table.parent}"
            )
        if tuple(run) not in known:
            raise UserError(f"{table}: row {number}: {shown(' '.join(run))} is no run of the task")
        found.append((path, known[run[0], run[1], run[2]]))
    return found

"""Preprocessed volumes in one memory-mapped array, made once for the same inputs and settings."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
from collections.abc import Hashable, Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import SimpleITK
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from benchmark.data.contents import sha256_of
from benchmark.data.preprocessing import Preprocessing
from benchmark.errors import UserError
from benchmark.processes import process_pool

#: Changes whenever the same inputs and settings give other voxels.
STORE_VERSION = 2
#: Libraries whose version can change a voxel.
LIBRARIES = ("torchio", "nibabel", "SimpleITK")
#: Share of a brain mask that may lie outside of the grid without a warning.
MOST_LOST = 0.01
#: Unusable images that an error message lists; the rest are counted.
MOST_SHOWN = 50
VOLUMES, INDEX, RECORD = "volumes.npy", "index.csv", "store.json"
_open_memmap: Any = np.lib.format.open_memmap
_SITK_PROCESS: Any = SimpleITK.ProcessObject
_LOG = logging.getLogger(__name__)


class VolumeStore:
    """Volumes of a scans table, read-only; processes and ranks share the one mapping.

    Attributes
    ----------
    folder
        ``volumes.npy``, ``index.csv`` with a CRC-32 of each volume, and ``store.json``. Volumes that were changed
        after the record was written are checked one by one when the store is opened.
    digest
        SHA-256 of the settings, the inputs and the versions of what reads them.
    volumes
        Shape (scan, x, y, z), float16, in the order of the scans table; a memory map.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        self.digest: str = record["digest"]
        self.volumes: NDArray[np.float16] = np.load(folder / VOLUMES, mmap_mode="r")
        index = pd.read_csv(folder / INDEX, dtype={"scan_key": str}, keep_default_na=False)
        self.checksums: list[int] = index["crc32"].tolist()
        if len(index) != len(self.volumes):
            raise ValueError(f"{len(self.volumes)} volumes, {len(index)} rows")
        # The record is written last: volumes that are newer were changed, or copied in another order.
        if (folder / VOLUMES).stat().st_mtime_ns > (folder / RECORD).stat().st_mtime_ns:
            for scan, checksum, volume in zip(index["scan_key"], self.checksums, self.volumes, strict=True):
                if crc32(np.ascontiguousarray(volume).data) != checksum:
                    raise ValueError(f"the volume of {scan} is damaged")

    @classmethod
    def open_or_build(
        cls,
        scans: pd.DataFrame,
        preprocessing: Preprocessing,
        cache_dir: Path,
        processes: int = 1,
    ) -> VolumeStore:
        """Open the store of these scans and settings, or make it.

        Parameters
        ----------
        scans
            The scans table; its order is that of the volumes.
        preprocessing
            What is done to each volume.
        cache_dir
            Folder of the stores; made where missing.
        processes
            Processes that read images; the bytes of the store don't depend on it.

        Raises
        ------
        UserError
            Listing every image that cannot be used, with the manifest's file and line.
        """
        if processes < 1:
            raise UserError(
                f"data.store_processes: {processes} is not allowed; it must be a whole number of at least 1"
            )
        if scans.empty:
            raise UserError("there is no scan to preprocess")
        digest = digest_of_store(image_digest(scans, cache_dir), preprocessing)
        folder = cache_dir / digest[:16]
        found = _opened(folder, digest)
        if found is not None:
            return found
        # No mkdtemp: its folders are closed to the other users of a shared cache.
        temporary = cache_dir / f".{folder.name}-{token_hex(4)}"
        try:
            temporary.mkdir(parents=True)
        except OSError as error:
            raise UserError(
                f"data.cache_dir: {cache_dir} cannot be a folder of volume stores: {error.strerror}"
            ) from error
        try:
            _build(scans, preprocessing, temporary, processes)
            record = {"digest": digest, "scans": len(scans), **_settings(preprocessing)}
            (temporary / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            return _published(temporary, folder, digest)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def digest_of_store(images: str, preprocessing: Preprocessing) -> str:
    """SHA-256 of the settings, the library versions and an :func:`image_digest`."""
    text = json.dumps({**_settings(preprocessing), "images": images}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def image_digest(scans: pd.DataFrame, cache_dir: Path | None = None) -> str:
    """SHA-256 of, scan by scan, key and content of image and mask; where the files lie is no part of it.

    The content is the manifest's ``sha256`` where it is stated, else that of the file.

    Parameters
    ----------
    scans
        The scans table.
    cache_dir
        Where files' digests are remembered, see :func:`benchmark.data.contents.sha256_of`.

    Raises
    ------
    UserError
        Listing every file that cannot be read.
    """
    rows = scans.to_dict("records")
    named = [str(row.get("sha256") or "").lower() for row in rows]
    files = [
        ("" if stated else str(row.get("image") or ""), str(row.get("mask") or ""))
        for row, stated in zip(rows, named, strict=True)
    ]
    try:
        found = sha256_of((file for pair in files for file in pair if file), cache_dir)
    except OSError:
        problems = [
            _problem(row, f"{file}: {reason}")
            for row, pair in zip(rows, files, strict=True)
            for file in pair
            if file and (reason := _unreadable(file))
        ]
        if not problems:
            raise
        raise _unusable(problems, len(scans)) from None
    inputs = [
        [row["scan_key"], stated or found.get(image, ""), found.get(mask, "")]
        for row, stated, (image, mask) in zip(rows, named, files, strict=True)
    ]
    return hashlib.sha256(json.dumps(inputs, separators=(",", ":")).encode()).hexdigest()


def _unreadable(file: str) -> str:
    try:
        with Path(file).open("rb") as stream:
            stream.read(1)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _settings(preprocessing: Preprocessing) -> dict[str, Any]:
    libraries = {name: version(name) for name in LIBRARIES}
    return {"store_version": STORE_VERSION, "preprocessing": asdict(preprocessing), "libraries": libraries}


def _opened(folder: Path, digest: str) -> VolumeStore | None:
    if not folder.exists():
        return None
    try:
        store = VolumeStore(folder)
        if store.digest != digest:
            raise ValueError(f"its digest is {store.digest}")
    except (OSError, EOFError, ValueError, KeyError) as error:
        _LOG.warning("%s is no whole store (%s); it is made again", folder, error)
        return None
    return store


def _published(temporary: Path, folder: Path, digest: str) -> VolumeStore:
    try:
        temporary.rename(folder)
    except OSError:
        # Another process was faster, or a torn store is in the way.
        found = _opened(folder, digest)
        if found is not None:
            return found
        folder.rename(temporary.with_name(f"{temporary.name}-torn"))
        shutil.rmtree(temporary.with_name(f"{temporary.name}-torn"), ignore_errors=True)
        temporary.rename(folder)
    return VolumeStore(folder)


def _build(scans: pd.DataFrame, preprocessing: Preprocessing, folder: Path, processes: int) -> None:
    path = folder / VOLUMES
    shape = (len(scans), *preprocessing.shape)
    _open_memmap(path, mode="w+", dtype=np.float16, shape=shape).flush()
    rows = list(enumerate(scans.to_dict("records")))
    filled = _mapped(partial(_fill, path, preprocessing), rows, processes)
    bar = tqdm(filled, "preprocess", len(rows), unit="scan", disable=None, file=sys.stderr, mininterval=1)
    told, lost, checksums = zip(*bar, strict=True)
    problems = [problem for problem in told if problem]
    if problems:
        raise _unusable(problems, len(scans))
    _warn_of_cut_brains(list(zip(lost, scans["image"], strict=True)))
    keys = scans["scan_key"].to_numpy()
    index = pd.DataFrame({"scan_key": keys, "row": np.arange(len(scans)), "crc32": checksums})
    index.to_csv(folder / INDEX, index=False, lineterminator="\n")
    # Pages that processes wrote through their maps reach the disk before the folder gets its name.
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def _mapped(
    fill: partial[tuple[str, float, int]], rows: list[tuple[int, dict[Hashable, Any]]], processes: int
) -> Iterator[tuple[str, float, int]]:
    if processes == 1:
        with one_thread():
            yield from map(fill, rows)
        return
    try:
        with process_pool(min(processes, len(rows)), _use_one_thread) as pool:
            yield from pool.map(fill, rows, chunksize=8)
    except BrokenProcessPool as error:
        raise UserError(
            f"data.store_processes: one of the {processes} processes that read images was killed, "
            "probably for want of memory; give a smaller number"
        ) from error


def stored_volume(row: Mapping[Hashable, Any], preprocessing: Preprocessing) -> tuple[NDArray[np.float16], float]:
    """One scan as a store holds it, in :func:`one_thread`.

    Parameters
    ----------
    row
        As for :meth:`benchmark.data.preprocessing.Preprocessing.load`.
    preprocessing
        What is done to the volume.

    Returns
    -------
    tuple
        Volume (x, y, z), and the share of its mask that the grid cuts off.

    Raises
    ------
    UserError
        For an image or mask that cannot be used.
    """
    loaded = preprocessing.load(row)
    with np.errstate(over="ignore"):
        half = loaded.volume.astype(np.float16)
    if not np.isfinite(half).all():
        extreme = np.abs(loaded.volume).max()
        raise UserError(f"{row['image']}: a voxel is {extreme:.3g} after normalisation, an outlier")
    return half, loaded.lost


def _fill(path: Path, preprocessing: Preprocessing, task: tuple[int, dict[Hashable, Any]]) -> tuple[str, float, int]:
    """Put one volume into its row; what is wrong with the scan, share of its mask that is cut off, and CRC-32."""
    number, row = task
    try:
        half, lost = stored_volume(row, preprocessing)
    except UserError as error:
        return _problem(row, str(error)), 0.0, 0
    volumes = _open_memmap(path, mode="r+")
    volumes[number] = half
    volumes.flush()
    return "", lost, crc32(np.ascontiguousarray(half).data)


def _warn_of_cut_brains(lost: list[tuple[float, str]]) -> None:
    cut = [each for each in lost if each[0] > MOST_LOST]
    if cut:
        share, image = max(cut)
        _LOG.warning(
            "%d of %d scans lose more than %g %% of their brain mask to the grid, most of all %s (%.0f %%); "
            "set preprocessing.crop_to_mask or a larger preprocessing.shape",
            len(cut), len(lost), 100 * MOST_LOST, image, 100 * share,
        )  # fmt: skip


def _use_one_thread() -> None:
    torch.set_num_threads(1)
    _SITK_PROCESS.SetGlobalDefaultNumberOfThreads(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Preprocess as a store does, whose bytes depend neither on threads nor, later, torch's generator on it."""
    # Sums over several threads round differently. And torchio draws from torch's generator even where nothing is
    # random: training must not depend on whether the store was there.
    threads = torch.get_num_threads(), _SITK_PROCESS.GetGlobalDefaultNumberOfThreads()
    _use_one_thread()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads[0])
        _SITK_PROCESS.SetGlobalDefaultNumberOfThreads(threads[1])


def _problem(row: Mapping[Any, Any], text: str) -> str:
    return f"{row['manifest']}:{row['line']}: {text}" if "manifest" in row else text


def _unusable(problems: list[str], scans: int) -> UserError:
    shown = problems[:MOST_SHOWN]
    rest = [f"... and {len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
    return UserError("\n".join([f"{len(problems)} of {scans} scans have an image that cannot be used:", *shown, *rest]))

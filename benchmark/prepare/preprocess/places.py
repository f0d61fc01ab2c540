"""Where the files of a preprocessed scan lie, and how they are written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from benchmark.data.atomic import atomic_path

_NIBABEL: Any = nibabel


def paths_of(out: Path, row: Mapping[Any, Any]) -> dict[str, Path]:
    """Files of a scan: volume, mask, volume before normalisation, and records of both steps.

    Parameters
    ----------
    out
        Folder of the results.
    row
        With ``site``, ``subject_id`` and ``session_id``.
    """
    images, work = (out / kind / row["site"] / row["subject_id"] for kind in ("images", "work"))
    name = row["session_id"]
    return {
        "image": images / f"{name}_T1w.nii.gz",
        "mask": images / f"{name}_mask.nii.gz",
        "plain": work / f"{name}_T1w.nii.gz",
        "record": work / f"{name}.json",
        "done": work / f"{name}.done.json",
    }


def record_at(path: Path) -> dict[str, Any]:
    """A record; empty where there is none or half a one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_record(content: dict[str, Any], path: Path, indent: int | None = 1) -> None:
    """Write a record that :func:`record_at` reads."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=indent) + "\n", encoding="utf-8")


def load_masked(volume: Path, mask: Path) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    """A volume, its mask, shape (x, y, z), and its affine, of files that :func:`save` wrote."""
    image = _NIBABEL.load(volume)
    return np.asarray(image.dataobj, np.float32), np.asarray(_NIBABEL.load(mask).dataobj) > 0, image.affine


def save(array: NDArray[Any], affine: NDArray[np.float64], path: Path) -> None:
    """Write a compressed NIfTI; equal arrays give equal bytes."""
    image = _NIBABEL.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress(image.to_bytes(), 6, mtime=0))

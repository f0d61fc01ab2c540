"""Images looked at one by one: can they be read, are they like a T1 of a head, are two of them the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from benchmark.data.contrast import check_contrast
from benchmark.data.images import Image, read_mask
from benchmark.prepare.checks import Depth
from benchmark.prepare.preprocess.load import load
from benchmark.prepare.preprocess.parallel import mapped, problem
from benchmark.prepare.preprocess.template import template

#: Smallest and largest field of view in mm, and largest voxel size, of a volume that shows a head.
FIELD_MM = (100.0, 400.0)
LARGEST_VOXEL_MM = 6.0
#: Correlation with the template, after the centres of mass are brought together, below which contrast is unlike T1.
LEAST_CORRELATION = 0.2
#: Voxel size of that comparison in mm.
COARSE_MM = 6.0


@dataclass(frozen=True)
class Finding:
    """What an image check found.

    Attributes
    ----------
    scan
        Scan key.
    serious
        Whether the scan cannot be used; a remark otherwise.
    message
        With the file's name.
    """

    scan: str
    serious: bool
    message: str


def check_images(scans: pd.DataFrame, depth: Depth, processes: int = 1, progress: bool = True) -> list[Finding]:
    """Look at the images of a scans table.

    Parameters
    ----------
    scans
        As :func:`benchmark.data.manifest.read_manifests` gives it.
    depth
        How closely; where voxels are read, geometry and contrast are judged too.
    processes
        Images at a time.
    progress
        Whether a progress bar goes to stderr.
    """
    if depth == "none":
        return []
    rows = scans.to_dict("records")
    if depth == "exist":
        files = [(str(row["scan_key"]), Path(row[name])) for row in rows for name in ("image", "mask") if row.get(name)]
        return [Finding(scan, True, f"{path}: there is no such file") for scan, path in files if not path.exists()]
    results = mapped(partial(_looked_at, depth == "hash"), rows, processes, "images", progress)
    found = [Finding(r["scan"], serious, text) for r in results for serious, text in r["remarks"]]
    return [*found, *_same(results)] if depth == "hash" else found


def _looked_at(hashed: bool, row: Mapping[Any, Any]) -> dict[str, Any]:
    path = Path(row["image"])
    result: dict[str, Any] = {"scan": row["scan_key"], "subject": row["subject_id"], "site": row["site"], "hash": ""}
    result |= {"path": str(path), "remarks": []}
    try:
        image = load(path, str(row.get("orientation") or ""), str(row.get("sha256") or ""))
        check_contrast(path, image.data)
        if row.get("mask"):
            read_mask(Path(row["mask"]), path, image)
    except Exception as error:  # noqa: BLE001 (see problem)
        result["remarks"].append((True, problem(error, path)))
        return result
    result["remarks"] += [(False, f"{path}: {text}") for text in _remarks(image)]
    if hashed:
        # Of the voxels, so that a copy with another header or compression is found.
        result["hash"] = hashlib.sha256(np.ascontiguousarray(image.data).tobytes()).hexdigest()
    return result


def _remarks(image: Image) -> list[str]:
    voxel = np.linalg.norm(image.affine[:3, :3], axis=0)
    extent = voxel * image.data.shape
    found = []
    if extent.min() < FIELD_MM[0] or extent.max() > FIELD_MM[1]:
        text = " × ".join(f"{one:.0f}" for one in extent)
        found.append(f"its field of view of {text} mm is unlike a head's ({FIELD_MM[0]:g} to {FIELD_MM[1]:g})")
    if voxel.max() > LARGEST_VOXEL_MM:
        found.append(f"its voxels are {voxel.max():.1f} mm thick; a 3D T1 has at most {LARGEST_VOXEL_MM:g}")
    correlation = contrast(image)
    if not correlation >= LEAST_CORRELATION:
        found.append(f"its contrast is unlike T1: correlation with the template {correlation:.2f}")
    return found


def contrast(image: Image) -> float:
    """Correlation with the template within its brain, centres of mass brought together, in [-1, 1].

    No registration: what it tells apart is grey matter, white matter and fluid in the right order from other orders.
    """
    reference, inside, middle = _coarse_template()
    tissue = image.data > image.data[image.data > image.data.min()].mean() / 2
    centre = image.affine[:3, :3] @ np.argwhere(tissue).mean(axis=0) + image.affine[:3, 3]
    # Index of the template's coarse grid -> world, moved by the difference of the centres -> index of the image.
    back = np.linalg.inv(image.affine)
    linear = back[:3, :3] * COARSE_MM
    offset = back[:3, :3] @ (centre - middle) + back[:3, 3]
    step = np.maximum(1, np.round(COARSE_MM / np.linalg.norm(image.affine[:3, :3], axis=0) / 2)).astype(int)
    thin = image.data[:: step[0], :: step[1], :: step[2]]
    coarse = affine_transform(thin, linear / step[:, None], offset / step, reference.shape, order=1, mode="nearest")
    values = coarse[inside]
    return float(np.corrcoef(values, reference[inside])[0, 1]) if values.std() > 0 else float("nan")


def _coarse_template() -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float64]]:
    t1, brain = template()
    step = round(COARSE_MM / 2)
    reference = t1.data[::step, ::step, ::step]
    inside = brain.data[::step, ::step, ::step] > 0
    # In mm from the grid's first voxel: its affine is diagonal.
    middle: NDArray[np.float64] = COARSE_MM * np.argwhere(inside).mean(axis=0)
    return reference, inside, middle


def _same(results: list[dict[str, Any]]) -> list[Finding]:
    first: dict[str, dict[str, Any]] = {}
    found = []
    for one in results:
        other = first.setdefault(one["hash"], one) if one["hash"] else one
        if other is not one:
            # One subject's scan may well be at two sites under two names; that of two subjects may not.
            what = "another subject's" if other["subject"] != one["subject"] else "the same subject's"
            text = f"{one['path']}: has the same voxels as {what} scan {other['scan']} ({other['path']})"
            found.append(Finding(str(one["scan"]), True, text))
    return found

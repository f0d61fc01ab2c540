"""Folders that OASIS-3 and OASIS-4 are handed out in, and the files of a scan in each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from benchmark.prepare.phantom.downloads.volumes import write_nifti

Layout = Literal["scripts", "zip", "simple_zip", "bids"]
_KINDS = {"T1w": "anat", "T2w": "anat", "FLAIR": "anat", "bold": "func", "dwi": "dwi"}


def image_path(layout: Layout, subject: str, day: int, scan: int, name: str) -> str:
    """Path of an image within the download.

    Parameters
    ----------
    layout
        ``scripts``: of the archive's download scripts. ``zip``, ``simple_zip``: of the web site. ``bids``.
    subject, day
        Of the session.
    scan
        Number of the scan within it.
    name
        Of the file, with its ending.
    """
    session, kind = f"{subject}_MR_d{day:04d}", name.split(".")[0].rsplit("_", 1)[-1]
    folder = {
        "scripts": f"{session}/{_KINDS[kind]}{scan}",
        "zip": f"{session}/scans/{_KINDS[kind]}{scan}-{kind}/resources/NIFTI/files",
        "simple_zip": f"{session}/{_KINDS[kind]}{scan}/NIFTI",
        "bids": f"sub-{subject}/ses-d{day:04d}/{_KINDS[kind]}",
    }[layout]
    return f"{folder}/{name}"


def write_image(path: Path, volume: tuple[NDArray[Any], NDArray[Any]], fields: dict[str, object]) -> None:
    """Write an image and its JSON file, beside it or in ``BIDS`` beside its folder ``NIFTI``."""
    write_nifti(path, *volume, axes="LAS")
    parts = ["BIDS" if part == "NIFTI" else part for part in path.parts]
    sidecar = Path(*parts).with_name(path.name.replace(".nii.gz", ".json"))
    sidecar.parent.mkdir(parents=True, exist_ok=True)
    sidecar.write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n", encoding="utf-8")

"""Scans tables of files and of manifests, made without loading a library that embeds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.data.contents import sha256_of
from benchmark.data.manifest import read_manifests
from benchmark.errors import UserError


def scans_of_images(
    images: Sequence[Path],
    masks: Sequence[Path] = (),
    sites: Sequence[str] = (),
    ages: Sequence[float] = (),
    sexes: Sequence[str] = (),
) -> pd.DataFrame:
    """A scans table of files that no manifest names; a scan's subject is called after its file.

    Parameters
    ----------
    images
        Images, or folders with a DICOM series each.
    masks, sites, ages, sexes
        One a file, or none at all; one site is that of all files.

    Raises
    ------
    UserError
        For another number of them, and for two files of one name.
    """
    count = len(images)
    sites = [*sites] * count if len(sites) == 1 else sites
    for name, given in (("masks", masks), ("sites", sites), ("ages", ages), ("sexes", sexes)):
        if len(given) not in (0, count):
            raise UserError(f"--{name}: {len(given)} are given for {count} files; one a file is needed")
    names = [path.name.partition(".")[0] for path in images]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        two = [str(path) for path, name in zip(images, names, strict=True) if name == twice][:2]
        raise UserError(
            f"--images: {' and '.join(two)} have one name; name their subjects in a manifest, or rename one"
        )
    return pd.DataFrame(
        {
            "subject_id": names,
            "session_id": "1",
            "site": list(sites) or "unknown",
            "diagnosis": "",
            "age": list(ages) or np.nan,
            "sex": list(sexes) or "",
            "image": [str(path) for path in images],
            "mask": [str(path) for path in masks] or "",
        }
    )


def scans_of_manifests(manifests: Sequence[Path], data_root: Path | None = None, raw: bool = False) -> pd.DataFrame:
    """A scans table of manifests, as for a training; ``raw`` for images that only ``preprocess`` would read."""
    scans = read_manifests(list(manifests), data_root, check_images=not raw)
    return scans.assign(mask=scans["mask"].fillna("") if "mask" in scans else "")


def contents(scans: pd.DataFrame) -> list[str]:
    """What each scan's files hold: SHA-256 of those of image and mask, in hexadecimal.

    Raises
    ------
    UserError
        For a file that cannot be read.
    """
    files = [*scans["image"], *(mask for mask in scans["mask"] if mask)]
    try:
        known = sha256_of(map(str, files))
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from None
    return [
        hashlib.sha256(f"{known[image]} {known.get(mask, '')}".encode()).hexdigest()
        for image, mask in zip(map(str, scans["image"]), map(str, scans["mask"]), strict=True)
    ]

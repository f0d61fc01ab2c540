"""Analyze pairs: a header (``.hdr``) and its voxels (``.img``), two files and one image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.prepare.importers.files import relative
from benchmark.prepare.importers.record import LeftOut

_HEADER_BYTES = 348


def pairs(files: Iterable[Path], folder: Path, left_out: list[LeftOut]) -> list[Path]:
    """Headers of the pairs among image files.

    Parameters
    ----------
    files
        Of the download, in any order.
    folder
        Of the download, for the names in ``left_out``.
    left_out
        Gets an entry for each file that is no part of a pair.

    Returns
    -------
    list of Path
        In the order of ``files``.
    """
    found = list(files)
    there = {path.with_suffix(path.suffix.lower()) for path in found}
    headers = []
    for path in found:
        suffix = path.suffix.lower()
        if suffix not in (".hdr", ".img"):
            left_out.append(LeftOut(relative(path, folder), "not an Analyze pair (.hdr and .img)"))
        elif path.with_suffix(".img" if suffix == ".hdr" else ".hdr") not in there:
            other = ".img" if suffix == ".hdr" else ".hdr"
            left_out.append(LeftOut(relative(path, folder), f"half of an Analyze pair: its {other} is missing"))
        elif suffix == ".hdr":
            headers.append(path)
    return headers


def states_orientation(header: Path) -> bool:
    """Whether a ``.hdr`` is one of NIfTI that states the directions of its axes; Analyze has no place for them."""
    try:
        with header.open("rb") as stream:
            raw = stream.read(_HEADER_BYTES)
    except OSError:
        return False
    # qform_code and sform_code are zero in either byte order, or not.
    return raw[344:347] == b"ni1" and any(raw[252:256])

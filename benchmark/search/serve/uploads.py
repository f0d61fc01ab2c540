"""Files that somebody sends: seen to be NIfTI of a sane size before any library opens them."""

from __future__ import annotations

import gzip
import shutil
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import nibabel
import numpy as np

from benchmark.errors import UserError

#: Voxels of the largest volume that is read: 512 of each axis.
MOST_VOXELS = 2**27
#: Bytes before the first voxel at most: headers with extensions.
MOST_HEADER = 2**22
_GZIP = b"\x1f\x8b"
_NIBABEL: Any = nibabel
_KINDS = {348: _NIBABEL.Nifti1Header, 540: _NIBABEL.Nifti2Header}


def save_upload(stream: IO[bytes], folder: Path, stem: str, called: str) -> Path:
    """Write an uploaded NIfTI file into a folder.

    Parameters
    ----------
    stream
        The upload.
    folder, stem
        Where it goes; the name that the sender gave it plays no part.
    called
        What the sender calls it, for messages.

    Returns
    -------
    pathlib.Path
        The file, ``.nii`` or ``.nii.gz`` by its content.

    Raises
    ------
    UserError
        For anything else than a NIfTI file, and for one that would be too large in memory. Files can be so small, and
        swell so much, that only the header may be read before.
    """
    stream.seek(0)
    zipped = stream.read(2) == _GZIP
    stream.seek(0)
    path = folder / (f"{stem}.nii.gz" if zipped else f"{stem}.nii")
    with path.open("wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)
    try:
        with gzip.open(path) if zipped else path.open("rb") as content:
            start = content.read(540)
    except (OSError, EOFError, zlib.error):
        raise UserError(f"{called}: is damaged or cut short") from None
    _check_header(start, called)
    return path


def _check_header(start: bytes, called: str) -> None:
    sizes = [struct.unpack(f"{order}i", start[:4])[0] for order in "<>"] if len(start) >= 348 else []
    size = next((each for each in sizes if each in _KINDS and len(start) >= each), None)
    if size is None:
        raise UserError(f"{called}: is no NIfTI file; .nii and .nii.gz are allowed")
    try:
        header = _KINDS[size](binaryblock=start[:size], check=False)
        shape = np.array(header.get_data_shape(), np.float64)
        offset = float(header["vox_offset"])
    except Exception:  # noqa: BLE001 (whatever a library makes of a broken header)
        raise UserError(f"{called}: its header cannot be read") from None
    if not (len(shape) and (shape > 0).all() and np.prod(shape) <= MOST_VOXELS):
        told = " × ".join(f"{each:.0f}" for each in shape) or "no"
        raise UserError(f"{called}: {told} voxels are not allowed; 1 to {MOST_VOXELS} are")
    if not 0 <= offset <= MOST_HEADER:
        raise UserError(f"{called}: its header says that voxels begin at byte {offset:.0f}, which is not allowed")


def shown_name(name: str | None) -> str:
    """A file's name as it is told: its last part, without what no name needs."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(each for each in last if each.isprintable())[:100] or "query"

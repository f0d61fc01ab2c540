"""DICOM series to NIfTI, through dcm2niix where it is installed and dicom2nifti otherwise."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import UserError

#: Share of the usual distance between slices by which a distance may differ from it.
GAP = 0.05
#: Fewest slices of a 3D series.
FEWEST_SLICES = 8
#: Largest difference between the unit normals of two slices that count as parallel.
PARALLEL = 0.01


def convert_series(folder: Path, out: Path) -> Path:
    """Write a folder's DICOM series as one NIfTI file.

    Parameters
    ----------
    folder
        With the files of one series; it is only read.
    out
        Empty folder to write to.

    Returns
    -------
    Path
        The NIfTI file; nothing of the DICOM headers but geometry and voxels is in it.

    Raises
    ------
    UserError
        For a folder without DICOM, with several series, with missing slices, or that cannot be converted; the message
        names the folder.
    """
    _check(folder)
    program = shutil.which("dcm2niix")
    if program is not None:
        return _by_dcm2niix(program, folder, out)
    import dicom2nifti.convert_dicom
    import dicom2nifti.settings

    dicom2nifti.settings.disable_validate_slice_increment()
    target = out / "series.nii.gz"
    try:
        dicom2nifti.convert_dicom.dicom_series_to_nifti(str(folder), str(target), reorient_nifti=False)
    except Exception as error:  # noqa: BLE001 (whatever the converter stumbles over)
        raise UserError(f"{folder}: the DICOM series cannot be converted: {_line(error)}") from None
    return target


def _by_dcm2niix(program: str, folder: Path, out: Path) -> Path:
    done = subprocess.run(  # noqa: S603
        [program, "-z", "y", "-b", "n", "-f", "series", "-o", str(out), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    # A gantry tilt or unequal distances add a corrected image, which sorts after the plain one.
    found = sorted(out.glob("series*.nii.gz"))
    if done.returncode or not found:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise UserError(f"{folder}: dcm2niix cannot convert the DICOM series: {last[0].strip()}")
    return found[0]


@dataclass(frozen=True)
class _Slice:
    """What a header says of a slice: series, normal, place along it in mm, rows and columns, whether they are there."""

    series: str
    frames: int
    normal: tuple[float, ...]
    place: float
    pixels: tuple[int, int]
    whole: bool


def _check(folder: Path) -> None:
    import pydicom
    from pydicom.errors import InvalidDicomError

    tags = ["SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient", "NumberOfFrames"]
    tags += ["Rows", "Columns", "BitsAllocated", "PixelData"]
    slices: list[_Slice] = []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith("."):
            continue
        try:
            header = pydicom.dcmread(path, defer_size=4096, specific_tags=tags)
            slices.append(_slice(header, path.stat().st_size))
        except (InvalidDicomError, OSError, EOFError, ValueError, TypeError):
            continue
    if not slices:
        raise UserError(f"{folder}: holds no DICOM file")
    series = len({one.series for one in slices})
    if series > 1:
        raise UserError(f"{folder}: holds {series} DICOM series; one is needed")
    if all(one.frames <= 1 for one in slices):
        _check_slices(folder, slices)


def _slice(header: Any, size: int) -> _Slice:
    from pydicom.uid import ImplicitVRLittleEndian, UncompressedTransferSyntaxes

    position, axes = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    normal, place = np.full(3, np.nan), float("nan")
    if position is not None and axes is not None:
        normal = np.cross(np.array(axes[:3], float), np.array(axes[3:], float))
        place = float(np.array(position, float) @ normal)
    pixels = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
    # The element itself: a large value stays in the file.
    data = header.get_item("PixelData")
    plain = header.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian) in UncompressedTransferSyntaxes
    wanted = pixels[0] * pixels[1] * int(header.get("BitsAllocated") or 0) // 8
    whole = data is not None and (not plain or wanted <= data.length <= size - data.value_tell)
    frames = int(header.get("NumberOfFrames") or 1)
    return _Slice(str(header.get("SeriesInstanceUID", "")), frames, tuple(normal), place, pixels, whole)


def _check_slices(folder: Path, slices: Sequence[_Slice]) -> None:
    if len(slices) < FEWEST_SLICES:
        raise UserError(f"{folder}: has {len(slices)} slices; a 3D series of at least {FEWEST_SLICES} is needed")
    lost = sum(not np.isfinite(one.place) for one in slices)
    if lost:
        raise UserError(f"{folder}: {lost} of {len(slices)} slices do not say where they are")
    torn = sum(not (one.whole and all(one.pixels)) for one in slices)
    if torn:
        raise UserError(f"{folder}: {torn} of {len(slices)} slices have no pixels, or too few")
    sizes = sorted({one.pixels for one in slices})
    if len(sizes) > 1:
        shown = " and ".join(f"{rows} × {columns}" for rows, columns in sizes[:3])
        raise UserError(f"{folder}: holds slices of {shown} pixels; all of a volume have the same")
    normals = np.array([one.normal for one in slices])
    if np.abs(normals - normals[0]).max() > PARALLEL:
        raise UserError(f"{folder}: its slices are not parallel, as of a localizer; a volume is needed")
    along = np.sort([one.place for one in slices])
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    if usual <= 0:
        raise UserError(f"{folder}: holds slices at the same place; one volume is needed")
    wrong = int((np.abs(gaps - usual) > GAP * usual).sum())
    if wrong:
        absent = int(np.round(gaps.sum() / usual)) + 1 - len(along)
        missing = "1 slice is missing" if absent == 1 else f"{absent} slices are missing"
        what = missing if absent > 0 else f"{wrong} distances between slices differ from the others"
        raise UserError(f"{folder}: {what}; slices are {usual:.3g} mm apart")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

"""DICOM series to NIfTI, through dcm2niix where it is installed and dicom2nifti otherwise."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np

from benchmark.errors import UserError

#: Share of the usual distance between slices by which a distance may differ from it.
GAP = 0.05
#: Fewest slices of a 3D series.
FEWEST_SLICES = 8


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


def _check(folder: Path) -> None:
    import pydicom
    from pydicom.errors import InvalidDicomError

    places: dict[str, list[float]] = {}
    tags = ["SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient", "NumberOfFrames"]
    multiframe = False
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith("."):
            continue
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=tags)
        except (InvalidDicomError, OSError, EOFError, ValueError):
            continue
        uid = str(header.get("SeriesInstanceUID", ""))
        multiframe |= int(header.get("NumberOfFrames") or 1) > 1
        position, axes = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
        along = float("nan")
        if position is not None and axes is not None:
            normal = np.cross(np.array(axes[:3], float), np.array(axes[3:], float))
            along = float(np.array(position, float) @ normal)
        places.setdefault(uid, []).append(along)
    if not places:
        raise UserError(f"{folder}: holds no DICOM file")
    if len(places) > 1:
        raise UserError(f"{folder}: holds {len(places)} DICOM series; one is needed")
    if not multiframe:
        _check_slices(folder, np.sort(next(iter(places.values()))))


def _check_slices(folder: Path, along: np.ndarray) -> None:  # type: ignore[type-arg]
    if len(along) < FEWEST_SLICES:
        raise UserError(f"{folder}: has {len(along)} slices; a 3D series of at least {FEWEST_SLICES} is needed")
    if not np.isfinite(along).all():
        raise UserError(f"{folder}: {int((~np.isfinite(along)).sum())} slices do not say where they are")
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    if usual <= 0:
        raise UserError(f"{folder}: holds slices at the same place; one volume is needed")
    wrong = int((np.abs(gaps - usual) > GAP * usual).sum())
    if wrong:
        lost = int(np.round(gaps.sum() / usual)) + 1 - len(along)
        what = f"{lost} slices are missing" if lost > 0 else f"{wrong} distances between slices differ from the others"
        raise UserError(f"{folder}: {what}; slices are {usual:.3g} mm apart")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

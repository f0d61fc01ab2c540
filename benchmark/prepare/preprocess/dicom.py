"""DICOM series to NIfTI, through dcm2niix where it is installed and dicom2nifti otherwise."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from benchmark.errors import UserError, cause
from benchmark.prepare.preprocess.series import check_series

_NIBABEL: Any = nibabel


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
        For what :func:`benchmark.prepare.preprocess.series.check_series` names, and a series that cannot be converted;
        the message names the folder.
    """
    files, voxels = check_series(folder)
    program = shutil.which("dcm2niix")
    with tempfile.TemporaryDirectory() as name:
        # Converters enter folders and try other files: they are shown what was checked.
        for path in files:
            (Path(name) / path.name).symlink_to(path.absolute())
        made = _by_dicom2nifti(folder, name, out) if program is None else _by_dcm2niix(program, folder, name, out)
    found = int(np.prod(_NIBABEL.load(made).shape, dtype=np.int64))
    if found != voxels:
        raise UserError(f"{folder}: holds {voxels} voxels, of which the converter gives {found}")
    return made


def _by_dicom2nifti(folder: Path, checked: str, out: Path) -> Path:
    import dicom2nifti.convert_dicom
    import dicom2nifti.settings

    dicom2nifti.settings.disable_validate_slice_increment()
    target = out / "series.nii.gz"
    try:
        dicom2nifti.convert_dicom.dicom_series_to_nifti(checked, str(target), reorient_nifti=False)
    except Exception as error:  # noqa: BLE001 (whatever the converter stumbles over)
        raise UserError(f"{folder}: the DICOM series cannot be converted: {cause(error)[:200]}") from None
    return target


def _by_dcm2niix(program: str, folder: Path, checked: str, out: Path) -> Path:
    fine, said = run_program([program, "-z", "y", "-b", "n", "-f", "series", "-o", str(out.absolute()), checked], out)
    # A gantry tilt or unequal distances add a corrected image, which sorts after the plain one.
    found = sorted(out.glob("series*.nii.gz"))
    if not fine or not found:
        raise UserError(f"{folder}: dcm2niix cannot convert the DICOM series: {said or 'no message'}")
    return found[0]


def run_program(words: list[str], folder: Path) -> tuple[bool, str]:
    """Run a program in a folder: whether it succeeds, and the last line that it says."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    lines = (done.stderr or done.stdout).strip().splitlines() or [""]
    return done.returncode == 0, lines[-1].strip()

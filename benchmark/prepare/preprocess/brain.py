"""Brain masks from programs that may be installed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import nibabel
import numpy as np

from benchmark.data.images import Image, read_image
from benchmark.errors import UserError
from benchmark.prepare.preprocess.dicom import run_program

_NIBABEL: Any = nibabel

Program = Literal["hd-bet", "synthstrip"]

#: Names of executables, first found first.
_EXECUTABLES: dict[Program, tuple[str, ...]] = {
    "hd-bet": ("hd-bet",),
    "synthstrip": ("mri_synthstrip", "synthstrip-docker", "synthstrip-singularity"),
}


def installed() -> Program | None:
    """The first installed program, HD-BET before SynthStrip; None for none."""
    return next((name for name in _EXECUTABLES if _executable(name)), None)


def required(program: Program) -> str:
    """Path of a program's executable.

    Raises
    ------
    UserError
        If it is not installed.
    """
    executable = _executable(program)
    if executable is None:
        raise UserError(
            f"brain: '{program}' is not installed: none of {', '.join(_EXECUTABLES[program])} is on the PATH"
        )
    return executable


def extract_brain(image: Image, program: Program) -> Image:
    """Brain mask of a T1 on its own grid, by HD-BET (Isensee et al., HBM 2019) or SynthStrip (Hoopes et al., 2022).

    Raises
    ------
    UserError
        If the program is not installed or fails.
    """
    executable = required(program)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _NIBABEL.save(_NIBABEL.Nifti1Image(image.data, image.affine), folder / "t1.nii.gz")
        if program == "hd-bet":
            options = ["-i", "t1.nii.gz", "-o", "brain.nii.gz", "--save_bet_mask", "--no_bet_image"]
        else:
            options = ["-i", "t1.nii.gz", "-m", "mask.nii.gz"]
        fine, said = run_program([executable, *options], folder)
        masks = sorted({*folder.glob("*mask*.nii.gz"), *folder.glob("*bet*.nii.gz")} - {folder / "t1.nii.gz"})
        if not fine or not masks:
            raise UserError(f"brain: {program} failed: {said or 'it wrote no mask'}")
        found = read_image(masks[0])
        return Image((np.asarray(found.data) > 0.5).astype(np.uint8), found.affine)


def _executable(program: Program) -> str | None:
    return next((path for name in _EXECUTABLES[program] if (path := shutil.which(name))), None)

"""Raw images of any format and orientation as one array with axes at right angles."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from benchmark.data.images import FEWEST_VOXELS, Image, read_image, states_orientation
from benchmark.errors import UserError
from benchmark.prepare.preprocess.dicom import convert_series

_NIBABEL: Any = nibabel
#: Largest cosine between voxel axes of an image that needs no resampling for being sheared.
SHEAR = 1e-3


def load(path: Path, orientation: str = "", sha256: str = "") -> Image:
    """Read an image file, or a folder with a DICOM series.

    Parameters
    ----------
    path
        NIfTI, MGH, Analyze or any other format of nibabel's; or a folder with one DICOM series.
    orientation
        Directions of the voxel axes, such as ``ASL``, for files that state none. Without effect on others.
    sha256
        What the file's bytes must hash to; "" for no check.

    Returns
    -------
    Image
        Axes in the closest order to RAS; nothing is flipped.

    Raises
    ------
    UserError
        For everything :func:`benchmark.data.images.read_image` names, a DICOM series that cannot be converted or
        misses slices, and an orientation that is none.
    """
    if os.path.isdir(path):  # noqa: PTH112 (False, not an error, where a folder above cannot be entered)
        with tempfile.TemporaryDirectory() as folder:
            converted = convert_series(path, Path(folder))
            try:
                image = read_image(converted)
            except UserError as error:
                raise UserError(str(error).replace(str(converted), str(path))) from None
            image = Image(np.array(image.data), image.affine)
    elif orientation and _states_nothing(path):
        image = _oriented(path, orientation)
    else:
        image = read_image(path, sha256)
    nifti = _NIBABEL.as_closest_canonical(_NIBABEL.Nifti1Image(np.asarray(image.data, np.float32), image.affine))
    return _at_right_angles(Image(np.asarray(nifti.dataobj, np.float32), np.asarray(nifti.affine, np.float64)))


def _states_nothing(path: Path) -> bool:
    try:
        return not states_orientation(path, _NIBABEL.load(path))
    except Exception:  # noqa: BLE001 (read_image says what is wrong)
        return False


def _oriented(path: Path, orientation: str) -> Image:
    pairs = ("LR", "PA", "IS")
    if sorted(next((p for p, pair in enumerate(pairs) if one in pair), -1) for one in orientation) != [0, 1, 2]:
        raise UserError(
            f"{path}: orientation '{orientation}' is not allowed; it must name three axes, such as RAS or ASL"
        )
    try:
        image = _NIBABEL.load(path)
        data = np.asanyarray(image.dataobj)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: is damaged or cut short: {' '.join(str(error).split())}") from None
    if data.ndim < 3 or np.prod(data.shape[3:], dtype=int) != 1 or min(data.shape[:3]) < FEWEST_VOXELS:
        raise UserError(f"{path}: has shape {' × '.join(map(str, data.shape))}; one volume of three axes is needed")
    zooms = np.abs(np.array(image.header.get_zooms()[:3], dtype=np.float64))
    if not (np.isfinite(zooms).all() and zooms.all()):
        raise UserError(
            f"{path}: has voxel sizes of {' × '.join(f'{one:g}' for one in zooms)} mm; they must be above 0"
        )
    data = data.reshape(data.shape[:3])
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise UserError(f"{path}: holds voxels that are NaN or infinite")
    affine = np.eye(4)
    affine[:3, :3] = 0.0
    for axis, (world, sign) in enumerate(_NIBABEL.orientations.axcodes2ornt(tuple(orientation)).astype(int)):
        affine[world, axis] = sign * zooms[axis]
    # Where the middle of the image lies nobody knows; registration finds it.
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(data.shape) - 1) / 2)
    return Image(data, affine)


def _at_right_angles(image: Image) -> Image:
    axes = image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)
    if np.abs(axes.T @ axes - np.eye(3)).max() <= SHEAR:
        # Rounding in a header makes a direction that SimpleITK refuses; the nearest rotation is what was meant.
        left, _, right = np.linalg.svd(axes)
        affine = image.affine.copy()
        affine[:3, :3] = left @ right * np.linalg.norm(image.affine[:3, :3], axis=0)
        return Image(image.data, affine)
    from nilearn.image import resample_img

    smallest = float(np.linalg.norm(image.affine[:3, :3], axis=0).min())
    made = resample_img(
        _NIBABEL.Nifti1Image(image.data, image.affine),
        target_affine=np.eye(3) * smallest,
        force_resample=True,
        copy_header=True,
    )
    return Image(np.asarray(made.dataobj, np.float32), np.asarray(made.affine, np.float64))

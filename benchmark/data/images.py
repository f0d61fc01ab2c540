"""NIfTI files read with every way in which one can be unusable named."""

from __future__ import annotations

import gzip
import hashlib
import logging
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from benchmark.errors import UserError

#: Largest field of view in mm along an axis; beyond it a header's units are wrong.
LARGEST_MM = 1000.0
#: Voxels that smoothing needs along an axis.
FEWEST_VOXELS = 4
#: How far in mm the voxels of a mask may lie from those of its image.
ALIGNED_MM = 0.1
_BYTE_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_RAS = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
_NIFTI: tuple[Any, ...] = (nibabel.Nifti1Image, nibabel.Nifti2Image)
_ORIENTATIONS: Any = nibabel.orientations
# It says on stderr what it mends in a header; what is wrong with an image is said here, with the file's name.
nibabel.imageglobals.logger.setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Image:
    """A 3D image in memory.

    Attributes
    ----------
    data
        Shape (i, j, k), in the file's own voxel order.
    affine
        Shape (4, 4): voxel indices to RAS+ mm.
    """

    data: NDArray[Any]
    affine: NDArray[np.float64]


def read_image(path: Path, sha256: str = "") -> Image:
    """Read one volume.

    Parameters
    ----------
    path
        NIfTI (``.nii``, ``.nii.gz``) or another format of nibabel's that states its orientation.
    sha256
        What the file's bytes must hash to, in hexadecimal; "" for no check.

    Returns
    -------
    Image
        Values after the header's slope and intercept; trailing axes of length one are dropped.

    Raises
    ------
    UserError
        For a file that is missing, damaged, no image, not one 3D volume, of no stated orientation, of an
        impossible geometry, of another hash, or that holds NaN, infinite, complex or colour values. It names the file.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such file")
    if sha256:
        _check_sha256(path, sha256)
    try:
        image = _opened(path)
        shape = _volume_shape(path, image.shape)
        affine = _checked_affine(path, image, shape)
        data = np.asanyarray(image.dataobj)
    except UserError:
        raise
    except (ImageFileError, HeaderDataError) as error:
        raise UserError(f"{path}: is no image that can be read: {_line(error)}") from error
    except (OSError, EOFError, zlib.error, ValueError, OverflowError, MemoryError) as error:
        raise UserError(f"{path}: is damaged or cut short: {_line(error)}") from error
    except Exception as error:
        raise UserError(f"{path}: is no image that can be read: {type(error).__name__}: {_line(error)}") from error
    if data.dtype.kind not in "buif":
        raise UserError(f"{path}: holds values of type {data.dtype}; one real number a voxel is needed")
    if data.dtype.kind == "f":
        bad = int(data.size - np.count_nonzero(np.isfinite(data)))
        if bad:
            raise UserError(f"{path}: {bad} of {data.size} voxels are NaN or infinite")
    return Image(data.reshape(shape), affine)


def same_grid(first: Image, second: Image) -> bool:
    """Whether two images have the same voxels, whatever order and direction of axes they are stored in."""
    if first.data.shape == second.data.shape and np.allclose(first.affine, second.affine, rtol=0, atol=1e-6):
        return True
    shapes, affines = zip(*(_canonical_grid(image) for image in (first, second)), strict=True)
    if shapes[0] != shapes[1]:
        return False
    corners = np.array(np.meshgrid(*[(0, size - 1) for size in shapes[0]])).reshape(3, -1)
    corners = np.vstack([corners, np.ones(corners.shape[1])])
    return bool(np.abs(affines[0] @ corners - affines[1] @ corners).max() <= ALIGNED_MM)


def _canonical_grid(image: Image) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    change = _ORIENTATIONS.ornt_transform(_ORIENTATIONS.io_orientation(image.affine), _RAS)
    shape = np.empty(3, dtype=int)
    shape[change[:, 0].astype(int)] = image.data.shape
    return tuple(shape.tolist()), image.affine @ _ORIENTATIONS.inv_ornt_aff(change, image.data.shape)


def _opened(path: Path) -> Any:
    # nibabel would stop at the last voxel, before the checksum of the compression: unpacked here, and whole.
    packed = path.name.lower().endswith(".nii.gz")
    raw = gzip.decompress(path.read_bytes()) if packed else _start(path)
    for kind in _NIFTI:
        if kind.header_class.may_contain_header(raw):
            # Unchecked: nibabel takes a voxel size of 0 for 1.
            header = kind.header_class(raw[: kind.header_class.template_dtype.itemsize], check=False)
            sizes = [int.from_bytes(raw[:4], order) for order in _BYTE_ORDERS]
            if kind.header_class.sizeof_hdr not in sizes:
                wanted = kind.header_class.sizeof_hdr
                raise UserError(f"{path}: states a header of {min(sizes)} bytes; one of this kind has {wanted}")
            zooms = header["pixdim"][1:4]
            if not (np.isfinite(zooms).all() and zooms.all()):
                raise UserError(f"{path}: has voxel sizes of {_millimetres(zooms)} mm; they must be above 0")
            return kind.from_bytes(raw) if packed else nibabel.load(path)
    if packed:
        raise ImageFileError("it holds no NIfTI header")
    return nibabel.load(path)


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(1024)


def _check_sha256(path: Path, stated: str) -> None:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != stated.lower():
        raise UserError(f"{path}: its sha256 is {found}, the manifest states {stated}")


def _volume_shape(path: Path, shape: tuple[int, ...]) -> tuple[int, ...]:
    text = " × ".join(map(str, shape))
    if len(shape) < 3 or min(shape[:3]) < FEWEST_VOXELS:
        raise UserError(f"{path}: has shape {text}; three axes of at least {FEWEST_VOXELS} voxels are needed")
    volumes = int(np.prod(shape[3:], dtype=np.int64))
    if volumes != 1:
        raise UserError(f"{path}: has shape {text}, {volumes} volumes; one is needed")
    return tuple(shape[:3])


def _checked_affine(path: Path, image: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    header = image.header
    nifti = isinstance(image, nibabel.Nifti1Pair)
    if isinstance(image, nibabel.AnalyzeImage) and not (nifti and (header["sform_code"] or header["qform_code"])):
        raise UserError(f"{path}: states no orientation (sform and qform codes are 0), so left and right are unknown")
    affine = np.asarray(image.affine, dtype=np.float64)
    linear = affine[:3, :3]
    spacing = np.sqrt((linear**2).sum(axis=0))
    if not np.isfinite(affine).all() or spacing.min() <= 0 or abs(np.linalg.det(linear / spacing)) < 1e-3:
        raise UserError(f"{path}: has a degenerate affine; its voxel sizes are {_millimetres(spacing)} mm")
    extent = spacing * shape
    if extent.max() > LARGEST_MM:
        raise UserError(f"{path}: has a field of view of {_millimetres(extent)} mm; at most {LARGEST_MM:g} is allowed")
    return affine


def _millimetres(values: NDArray[np.float64]) -> str:
    return " × ".join(f"{value:.4g}" for value in values)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

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

from benchmark.data.file_kinds import START, kind_of
from benchmark.errors import UserError, cause

#: Smallest and largest field of view in mm along an axis; beyond them a header's units are wrong.
SMALLEST_MM = 1.0
LARGEST_MM = 1000.0
#: How far in mm the first voxel may lie from the origin; beyond it rounding moves voxels.
FARTHEST_MM = 1e5
#: Largest value of a voxel; the squares of larger ones overflow.
LARGEST_VALUE = 1e12
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
    try:
        if not path.is_file():
            raise UserError(f"{path}: there is no such file")
        if sha256:
            _check_sha256(path, sha256)
        image = _opened(path)
        shape = _volume_shape(path, image.shape)
        affine = _checked_affine(path, image, shape)
        data = np.asanyarray(image.dataobj)
    except UserError:
        raise
    except (ImageFileError, HeaderDataError) as error:
        raise UserError(f"{path}: is no image that can be read: {cause(error)[:200]}") from error
    except (OSError, EOFError, zlib.error, ValueError, OverflowError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno:
            # Of a pair, the other file may be meant.
            other = Path(str(error.filename or path)).name
            which = "" if other == path.name else f"{other}: "
            raise UserError(f"{path}: cannot be read: {which}{error.strerror}") from error
        raise UserError(f"{path}: is damaged or cut short: {cause(error)[:200]}") from error
    except Exception as error:
        raise UserError(
            f"{path}: is no image that can be read: {type(error).__name__}: {cause(error)[:200]}"
        ) from error
    if data.dtype.kind not in "buif":
        raise UserError(f"{path}: holds values of type {data.dtype}; one real number a voxel is needed")
    if data.dtype.kind == "f":
        bad = int(data.size - np.count_nonzero(np.isfinite(data)))
        if bad:
            raise UserError(f"{path}: {bad} of {data.size} voxels are NaN or infinite")
    largest = max(float(data.max()), -float(data.min()))
    if largest > LARGEST_VALUE:
        raise UserError(f"{path}: holds values of up to {largest:.3g}; at most {LARGEST_VALUE:g} is allowed")
    return Image(data.reshape(shape), affine)


def read_mask(path: Path, image_path: Path, image: Image) -> Image:
    """Read the mask of an image.

    Parameters
    ----------
    path
        Of the mask.
    image_path, image
        The image, in any order of axes.

    Returns
    -------
    Image
        Of bool: what is above one half.

    Raises
    ------
    UserError
        As for :func:`read_image`, and for a mask that is on another grid than the image, or empty.
    """
    mask = read_image(path)
    if not same_grid(image, mask):
        shapes = " and ".join(" × ".join(map(str, each.data.shape)) for each in (mask, image))
        raise UserError(f"{path}: the mask isn't on the grid of {image_path} (shapes {shapes}, or another affine)")
    inside = np.asarray(mask.data > 0.5)
    if not inside.any():
        raise UserError(f"{path}: the mask is empty")
    return Image(inside, mask.affine)


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
    with path.open("rb") as stream:
        raw = stream.read(START)
    name = path.name.lower()
    kind = kind_of(raw)
    packed = name.endswith((".gz", ".mgz"))
    if packed and not raw.startswith(b"\x1f\x8b"):
        raise ImageFileError(f"it is {kind}" if kind else "its name says that it is packed with gzip, and it is not")
    if name.endswith(".nii.gz"):
        # nibabel would stop at the last voxel, before the checksum of the compression: unpacked here, and whole.
        raw = gzip.decompress(path.read_bytes())
    for nifti in _NIFTI:
        if nifti.header_class.may_contain_header(raw):
            _check_header(path, nifti, raw)
            return nifti.from_bytes(raw) if packed else nibabel.load(path)
    if name.endswith(".nii.gz"):
        kind = kind_of(raw[:START])
        raise ImageFileError(f"it holds no NIfTI header{f'; unpacked, it is {kind}' if kind else ''}")
    try:
        image = nibabel.load(path)
    except ImageFileError as error:
        known = str(error).startswith("Cannot work out")
        text = (f"it is {kind}" if kind else "it is of no format that is known") if known or kind else cause(error)
        raise ImageFileError(text) from error
    if not isinstance(image, nibabel.spatialimages.SpatialImage):
        raise ImageFileError(f"it holds no volume ({type(image).__name__})")
    return image


def _check_header(path: Path, kind: Any, raw: bytes) -> None:
    # Unchecked: nibabel takes a voxel size of 0 for 1.
    header = kind.header_class(raw[: kind.header_class.template_dtype.itemsize], check=False)
    size = kind.header_class.sizeof_hdr
    sizes = [int.from_bytes(raw[:4], order) for order in _BYTE_ORDERS]
    if size not in sizes:
        raise UserError(f"{path}: states a header of {min(sizes)} bytes; one of this kind has {size}")
    # Its bytes are taken for swapped where it is none.
    axes = min(header["dim"][0], header["dim"][0].byteswap(), key=abs)
    if not 0 <= axes <= 7:
        raise UserError(f"{path}: states {axes} axes; three are needed")
    zooms = header["pixdim"][1:4]
    if not (np.isfinite(zooms).all() and zooms.all()):
        raise UserError(f"{path}: has voxel sizes of {_millimetres(zooms)} mm; they must be above 0")
    begin = float(header["vox_offset"])
    # The header would be taken for voxels.
    if path.suffix.lower() not in (".hdr", ".img") and not size + 4 <= begin < np.inf:
        raise UserError(f"{path}: states that voxels begin at byte {begin:g}; they begin at {size + 4} or later")
    if header["qform_code"] > 0 and header["sform_code"] == 0:
        try:
            header.get_qform()
        except ValueError as error:
            b, c, d = (float(header[f"quatern_{name}"]) for name in "bcd")
            raise UserError(f"{path}: states the quaternion ({b:g}, {c:g}, {d:g}), which is no rotation") from error


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


def states_orientation(path: Path, image: Any) -> bool:
    """Whether an image of nibabel's, read from a file, says which way its axes point."""
    header = image.header
    if isinstance(image, nibabel.Nifti1Pair):
        return bool(header["sform_code"] or header["qform_code"])
    if isinstance(image, nibabel.MGHImage):
        # nibabel puts a default in its place, and sets the flag.
        with gzip.open(path) if path.suffix.lower() in (".mgz", ".gz") else path.open("rb") as stream:
            return stream.read(30)[28:] != bytes(2)
    return not isinstance(image, nibabel.AnalyzeImage)


def _checked_affine(path: Path, image: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    if not states_orientation(path, image):
        fields = "goodRASFlag is" if isinstance(image, nibabel.MGHImage) else "sform and qform codes are"
        raise UserError(f"{path}: states no orientation ({fields} 0), so left and right are unknown")
    affine = np.asarray(image.affine, dtype=np.float64)
    linear = affine[:3, :3]
    spacing = np.sqrt((linear**2).sum(axis=0))
    if not np.isfinite(affine).all() or spacing.min() <= 0 or abs(np.linalg.det(linear / spacing)) < 1e-3:
        raise UserError(f"{path}: has a degenerate affine; its voxel sizes are {_millimetres(spacing)} mm")
    extent = spacing * shape
    if extent.max() > LARGEST_MM:
        raise UserError(f"{path}: has a field of view of {_millimetres(extent)} mm; at most {LARGEST_MM:g} is allowed")
    if extent.min() < SMALLEST_MM:
        raise UserError(f"{path}: has a field of view of {_millimetres(extent)} mm; {SMALLEST_MM:g} or more is allowed")
    if np.abs(affine[:3, 3]).max() > FARTHEST_MM:
        raise UserError(
            f"{path}: has its first voxel at ({_millimetres(affine[:3, 3], ', ')}) mm, far from any scanner"
        )
    return affine


def _millimetres(values: NDArray[np.float64], between: str = " × ") -> str:
    return between.join(f"{value:.4g}" for value in values)

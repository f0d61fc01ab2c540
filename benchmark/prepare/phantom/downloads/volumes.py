"""Files of a replica's volumes, in the voxel order of the dataset that is replicated."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: From a subject's index, a diagnosis ("" where unknown) and a dataset to an array in RAS order and its affine.
Volume = Callable[[int, str, str], tuple[NDArray[Any], NDArray[Any]]]

_HIGHEST = 4000.0


def _nibabel() -> Any:
    # Which replicas there are is asked for by `phantom --help`, which must not wait for it. It is only partly typed.
    import nibabel

    return nibabel


def in_order(array: NDArray[Any], affine: NDArray[Any], axes: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same volume with its voxels in another order; ``axes`` are the directions they point to, such as ``ASL``."""
    orientations = _nibabel().orientations
    change = orientations.ornt_transform(orientations.io_orientation(affine), orientations.axcodes2ornt(tuple(axes)))
    return orientations.apply_orientation(array, change), affine @ orientations.inv_ornt_aff(change, array.shape)


def write_analyze(header: Path, array: NDArray[Any], affine: NDArray[Any], axes: str, voxels: bool = True) -> None:
    """Write an Analyze pair as OASIS did: big-endian, 16 bit, with a fourth axis of length one, without orientation.

    Parameters
    ----------
    header
        Path that ends in ``.hdr``; the ``.img`` is written beside it.
    array, affine
        Of any orientation.
    axes
        Order of the voxels in the file.
    voxels
        False for a header alone.
    """
    turned, placed = in_order(_sixteen_bit(array), affine, axes)
    template = _nibabel().AnalyzeHeader(endianness=">")
    template.set_data_dtype(np.dtype(">i2"))
    template.set_data_shape((*turned.shape, 1))
    template.set_zooms((*np.sqrt((placed[:3, :3] ** 2).sum(axis=0)), 1.0))
    header.write_bytes(template.binaryblock)
    if voxels:
        header.with_suffix(".img").write_bytes(turned.astype(">i2").tobytes(order="F"))


def write_nifti(path: Path, array: NDArray[Any], affine: NDArray[Any], axes: str = "LAS") -> None:
    """Write a NIfTI file (``.nii`` or ``.nii.gz``) in an order of voxels; its bytes depend on the volume alone."""
    image = _nibabel().Nifti1Image(*in_order(_sixteen_bit(array), affine, axes))
    image.set_qform(image.affine, code=1)
    image.set_sform(image.affine, code=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = image.to_bytes()
    path.write_bytes(gzip.compress(raw, compresslevel=1, mtime=0) if path.name.endswith(".gz") else raw)


def _sixteen_bit(array: NDArray[Any]) -> NDArray[np.int16]:
    top = float(np.abs(array).max()) or 1.0
    return np.asarray(np.round(np.asarray(array, dtype=np.float64) / top * _HIGHEST), dtype=np.int16)

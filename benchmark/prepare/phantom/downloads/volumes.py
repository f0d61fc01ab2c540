"""Volumes of replicas: a small head, and files of them in the voxel order of the dataset that is replicated."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: From a subject's index, a diagnosis ("" where unknown) and a dataset to an array in RAS order and its affine.
Volume = Callable[[int, str, str], tuple[NDArray[Any], NDArray[Any]]]

SHAPE = (40, 48, 40)
SPACING = 4.0
#: Radius of the ventricles in mm, by diagnosis.
_VENTRICLES = {"CN": 12.0, "MCI": 15.0, "AD": 19.0}
_HIGHEST = 4000.0


def heads(seed: int = 0) -> Volume:
    """Made-up heads: skull, brain and ventricles, larger with dementia and on the left than on the right.

    Arrays are of shape (40, 48, 40), float32, in [0, 1], with voxels of 4 mm. Datasets differ in contrast.
    """

    def head(index: int, diagnosis: str, dataset: str) -> tuple[NDArray[Any], NDArray[Any]]:
        rng = np.random.default_rng([seed, index])
        affine = np.diag([SPACING, SPACING, SPACING, 1.0])
        affine[:3, 3] = -SPACING * (np.array(SHAPE) - 1) / 2
        axes = [(np.arange(size) - (size - 1) / 2) * SPACING for size in SHAPE]
        right, front, up = np.meshgrid(*axes, indexing="ij")
        size = rng.uniform(0.92, 1.04)
        radius = np.sqrt((right / 62) ** 2 + (front / 80) ** 2 + (up / 66) ** 2) / size
        image = 0.55 * _soft(1.0 - radius) + 0.35 * _soft(0.8 - radius)
        wide = _VENTRICLES.get(diagnosis, 13.0) * rng.uniform(0.9, 1.1)
        for side, share in ((-1, 1.2), (1, 0.8)):
            distance = np.sqrt((right - side * 14) ** 2 + (front / 1.8) ** 2 + (up - 6) ** 2)
            image -= 0.5 * _soft((wide * share - distance) / 40)
        # One bright spot on the right, so that a flip shows.
        image += 0.3 * np.exp(-((right - 32) ** 2 + (front - 20) ** 2 + (up - 10) ** 2) / 120)
        contrast = 0.8 + 0.4 * (zlib.crc32(dataset.encode()) % 100) / 100
        return np.clip(image, 0, 1).astype(np.float32) ** np.float32(contrast), affine

    return head


def _nibabel() -> Any:
    # Which replicas there are is asked for by `phantom --help`, which must not wait for it. It is only partly typed.
    import nibabel

    return nibabel


def _soft(distance: NDArray[Any]) -> NDArray[Any]:
    return 1 / (1 + np.exp(np.clip(-30 * distance, -50, 50)))


def in_order(array: NDArray[Any], affine: NDArray[Any], axes: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same volume with its voxels in another order; ``axes`` are the directions they point to, such as ``ASL``."""
    now = _nibabel().orientations.io_orientation(affine)
    change = _nibabel().orientations.ornt_transform(now, _nibabel().orientations.axcodes2ornt(tuple(axes)))
    turned = _nibabel().orientations.apply_orientation(array, change)
    return turned, affine @ _nibabel().orientations.inv_ornt_aff(change, array.shape)


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

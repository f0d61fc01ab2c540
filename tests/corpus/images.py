"""Image files that cannot be used. Each function writes one and returns a part of the answer that it must get."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

Write = Callable[[Path], str]

SHAPE = (16, 20, 16)
AFFINE = np.diag([10.0, 10.0, 10.0, 1.0])
AFFINE[:3, 3] = (-75, -95, -75)


def head(seed: int = 0) -> np.ndarray:
    """A ball in noise: what a sound image of this size holds."""
    axes = np.meshgrid(*[np.linspace(-1, 1, size) for size in SHAPE], indexing="ij")
    inside = sum(axis**2 for axis in axes) < 0.6
    return (np.where(inside, 600, 20) + np.random.default_rng(seed).normal(0, 15, SHAPE)).astype(np.float32)


def save(
    path: Path, array: Any = None, affine: Any = AFFINE, change: Callable[[Any], None] = lambda header: None
) -> Path:
    """Write a NIfTI image after a change of its header."""
    image = nibabel.Nifti1Image(head() if array is None else array, affine)
    image.set_sform(affine, code=1)
    image.set_qform(None if affine is None else affine, code=1)
    raw = bytearray(image.to_bytes())
    header = np.frombuffer(raw, dtype=nibabel.Nifti1Header.template_dtype, count=1).copy()
    change(header)
    raw[:348] = header.tobytes()
    path.write_bytes(gzip.compress(bytes(raw), mtime=0) if path.name.endswith(".gz") else bytes(raw))
    return path


def _raw(path: Path, content: bytes, answer: str) -> str:
    path.write_bytes(content)
    return answer


def _cut(share: float, packed: bool = True) -> Write:
    def write(path: Path) -> str:
        whole = save(path).read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])
        return "is damaged or cut short"

    return write


def _flipped_byte(path: Path) -> str:
    whole = bytearray(save(path).read_bytes())
    whole[len(whole) // 2] ^= 0xFF
    path.write_bytes(whole)
    return "is damaged or cut short"


def _header(answer: str, **fields: Any) -> Write:
    def change(header: Any) -> None:
        for name, value in fields.items():
            header[name] = value

    def write(path: Path) -> str:
        save(path, change=change)
        return answer

    return write


def _array(array: Any, answer: str, affine: Any = AFFINE) -> Write:
    def write(path: Path) -> str:
        save(path, array() if callable(array) else array, affine)
        return answer

    return write


def _with(value: float, share: float = 0.001) -> Callable[[], np.ndarray]:
    def make() -> np.ndarray:
        array = head()
        array.ravel()[: max(int(share * array.size), 1)] = value
        return array

    return make


def _no_codes(path: Path) -> str:
    save(path, change=lambda header: header.__setitem__("sform_code", 0) or header.__setitem__("qform_code", 0))
    return "states no orientation (sform and qform codes are 0)"


def _affine(linear: Any, answer: str) -> Write:
    def change(header: Any) -> None:
        for row, name in enumerate(("srow_x", "srow_y", "srow_z")):
            header[name] = [*linear[row], 0.0]

    def write(path: Path) -> str:
        save(path, change=change)
        return answer

    return write


def _colour(path: Path) -> str:
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    nibabel.save(nibabel.Nifti1Image(np.zeros(SHAPE, kind), AFFINE), path)
    return "one real number a voxel is needed"


def _complex(path: Path) -> str:
    nibabel.save(nibabel.Nifti1Image(head().astype(np.complex64), AFFINE), path)
    return "holds values of type complex64"


def _folder(path: Path) -> str:
    path.mkdir()
    return "holds no DICOM file"


def _archive(path: Path) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("t1.nii", b"0" * 400)
    return "is damaged or cut short: Not a gzipped file"


def _link_to_itself(path: Path) -> str:
    path.symlink_to(path.name)
    return "there is no such file"


def _dangling(path: Path) -> str:
    path.symlink_to("elsewhere.nii.gz")
    return "there is no such file"


def _lone_header(path: Path) -> str:
    nibabel.save(nibabel.Nifti1Pair(head().astype(np.int16), AFFINE), path)
    path.with_suffix(".img").unlink()
    return "is damaged or cut short"


def _short_img(path: Path) -> str:
    nibabel.save(nibabel.Nifti1Pair(head().astype(np.int16), AFFINE), path)
    data = path.with_suffix(".img")
    data.write_bytes(data.read_bytes()[:-100])
    return "is damaged or cut short"


def _analyze(path: Path) -> str:
    nibabel.save(nibabel.AnalyzeImage(head().astype(np.int16), None), path)
    return "states no orientation"


def _cut_mgz(path: Path) -> str:
    nibabel.save(nibabel.MGHImage(head(), AFFINE), path)
    path.write_bytes(path.read_bytes()[:-200])
    return "is damaged or cut short"


def _mgh_of_garbage(path: Path) -> str:
    path.write_bytes(bytes(range(256)) * 4)
    return "is no image that can be read"


LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body></body></html>"

#: File name and what writes it.
IMAGES: dict[str, Write] = {
    "empty.nii": lambda path: _raw(path, b"", "is no image that can be read"),
    "empty.nii.gz": lambda path: _raw(path, b"", "is no image that can be read"),
    "login-page.nii": lambda path: _raw(path, LOGIN_PAGE, "is no image that can be read"),
    "login-page.nii.gz": lambda path: _raw(path, LOGIN_PAGE, "Not a gzipped file"),
    "packed-text.nii.gz": lambda path: _raw(path, gzip.compress(b"text"), "it holds no NIfTI header"),
    "zip.nii.gz": _archive,
    "not-packed.nii.gz": lambda path: _raw(path, save(path.with_name("plain.nii")).read_bytes(), "Not a gzipped file"),
    "cut-packed-half.nii.gz": _cut(0.5),
    "cut-packed-end.nii.gz": lambda path: _raw(path, save(path).read_bytes()[:-4], "is damaged or cut short"),
    "cut-half.nii": _cut(0.5),
    "cut-header.nii": lambda path: _raw(path, save(path).read_bytes()[:200], "is no image that can be read"),
    "one-byte-changed.nii.gz": _flipped_byte,
    "header-size-349.nii": _header("states a header of 349 bytes; one of this kind has 348", sizeof_hdr=349),
    "magic-wrong.nii": _header("is no image that can be read", magic=b"xyz"),
    "offset-past-end.nii": _header("is damaged or cut short", vox_offset=1e9),
    "datatype-unknown.nii": _header("is no image that can be read", datatype=12345),
    "dims-eight.nii": _header("is no image that can be read", dim=[8, 16, 20, 16, 1, 1, 1, 1]),
    "dims-negative.nii": _header("has shape -16 × 20 × 16", dim=[3, -16, 20, 16, 1, 1, 1, 1]),
    "dims-larger-than-data.nii.gz": _header("is damaged or cut short", dim=[3, 32, 40, 32, 1, 1, 1, 1]),
    "voxel-size-zero.nii.gz": _header("has voxel sizes of 10 × 0 × 10 mm", pixdim=[1, 10, 0, 10, 1, 1, 1, 1]),
    "voxel-size-nan.nii.gz": _header("has voxel sizes of", pixdim=[1, 10, np.nan, 10, 1, 1, 1, 1]),
    "no-orientation.nii.gz": _no_codes,
    "affine-nan.nii.gz": _affine(np.full((3, 3), np.nan), "has a degenerate affine"),
    "affine-zero.nii.gz": _affine(np.zeros((3, 3)), "has a degenerate affine"),
    "affine-flat.nii.gz": _affine(np.ones((3, 3)), "has a degenerate affine"),
    "micrometres.nii.gz": _affine(np.eye(3) * 10_000, "has a field of view of"),
    "four-volumes.nii.gz": _array(lambda: np.stack([head()] * 4, axis=-1), "4 volumes; one is needed"),
    "two-axes.nii.gz": _array(lambda: head()[:, :, 0], "three axes of at least 4 voxels are needed"),
    "one-slice.nii.gz": _array(lambda: head()[:, :, :1], "three axes of at least 4 voxels are needed"),
    "constant.nii.gz": _array(np.full(SHAPE, 7, np.float32), "constant"),
    "zeros.nii.gz": _array(np.zeros(SHAPE, np.int16), "constant"),
    "one-nan.nii.gz": _array(_with(np.nan), "voxels are NaN or infinite"),
    "all-nan.nii.gz": _array(np.full(SHAPE, np.nan, np.float32), "voxels are NaN or infinite"),
    "one-infinite.nii.gz": _array(_with(np.inf), "voxels are NaN or infinite"),
    "colour.nii.gz": _colour,
    "complex.nii.gz": _complex,
    "folder.nii.gz": _folder,
    "absent.nii.gz": lambda path: "there is no such file",
    "link-to-itself.nii.gz": _link_to_itself,
    "link-to-nothing.nii.gz": _dangling,
    "lone-header.hdr": _lone_header,
    "short-data.hdr": _short_img,
    "analyze.hdr": _analyze,
    "cut.mgz": _cut_mgz,
    "garbage.mgh": _mgh_of_garbage,
    "unknown.xyz": lambda path: _raw(path, b"\x00" * 500, "is no image that can be read"),
}

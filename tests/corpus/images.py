"""Image files that cannot be used. Each function writes one and returns a part of the answer that it must get."""

from __future__ import annotations

import bz2
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


def _plain(path: Path) -> bytes:
    plain = save(path.with_name("plain.nii"))
    content = plain.read_bytes()
    plain.unlink()
    return content


def _surface(path: Path) -> str:
    path.write_text('<?xml version="1.0"?><GIFTI Version="1.0" NumberOfDataArrays="0"></GIFTI>')
    return "it holds no volume (GiftiImage)"


def _unreadable(path: Path) -> str:
    # Permissions do not stop everybody; this file's first byte cannot be read by anyone.
    path.symlink_to("/proc/self/mem")
    return "cannot be read: Input/output error"


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


def _one_voxel() -> np.ndarray:
    array = np.zeros(SHAPE, np.float32)
    array[8, 10, 8] = 1
    return array


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
    return "is no image that can be read: it is a spreadsheet or zip archive"


def _link_to_itself(path: Path) -> str:
    path.symlink_to(path.name)
    return "there is no such file"


def _dangling(path: Path) -> str:
    path.symlink_to("elsewhere.nii.gz")
    return "there is no such file"


def _lone_header(path: Path) -> str:
    nibabel.save(nibabel.Nifti1Pair(head().astype(np.int16), AFFINE), path)
    path.with_suffix(".img").unlink()
    return "cannot be read: lone-header.img: No such file or directory"


def _lone_data(path: Path) -> str:
    nibabel.save(nibabel.Nifti1Pair(head().astype(np.int16), AFFINE), path)
    path.with_suffix(".hdr").unlink()
    return "is no image that can be read"


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


def _mgh(answer: str, **fields: Any) -> Write:
    def write(path: Path) -> str:
        image = nibabel.MGHImage(head(), AFFINE)
        kind = image.header.structarr.dtype
        raw = bytearray(image.to_bytes())
        header = np.frombuffer(raw, dtype=kind, count=1).copy()
        for name, value in fields.items():
            header[name] = value
        raw[: kind.itemsize] = header.tobytes()
        path.write_bytes(gzip.compress(bytes(raw), mtime=0))
        return answer

    return write


def _mgh_of_garbage(path: Path) -> str:
    path.write_bytes(bytes(range(256)) * 4)
    return "is no image that can be read"


LARGE_FILE = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Log in</title></head><body></body></html>"

#: File name and what writes it.
IMAGES: dict[str, Write] = {
    "empty.nii": lambda path: _raw(path, b"", "is no image that can be read"),
    "empty.nii.gz": lambda path: _raw(path, b"", "is no image that can be read"),
    "login-page.nii": lambda path: _raw(path, LOGIN_PAGE, "it is a web page"),
    "login-page.nii.gz": lambda path: _raw(path, LOGIN_PAGE, "it is a web page"),
    "packed-text.nii.gz": lambda path: _raw(path, gzip.compress(b"text"), "it holds no NIfTI header"),
    "zip.nii.gz": _archive,
    "not-packed.nii.gz": lambda path: _raw(path, _plain(path), "its name says that it is packed with gzip"),
    "packed.nii": lambda path: _raw(path, gzip.compress(_plain(path)), "it is packed with gzip"),
    "packed-twice.nii.gz": lambda path: _raw(
        path, gzip.compress(gzip.compress(_plain(path))), "it is packed with gzip"
    ),
    "packed-with-bzip2.nii.gz": lambda path: _raw(path, bz2.compress(_plain(path)), "it is packed with bzip2"),
    "not-packed.mgz": lambda path: _raw(path, _plain(path), "its name says that it is packed with gzip"),
    "garbage-after-the-end.nii.gz": lambda path: _raw(path, save(path).read_bytes() + b"more", "is damaged"),
    "empty-inside.nii.gz": lambda path: _raw(path, gzip.compress(b""), "unpacked, it is empty"),
    "zero-bytes.nii": lambda path: _raw(path, bytes(9000), "it is nothing but zero bytes"),
    "header-alone.nii.gz": lambda path: _raw(path, gzip.compress(_plain(path)[:352]), "is damaged or cut short"),
    "not-fetched.nii.gz": lambda path: _raw(path, LARGE_FILE, "a pointer of Git LFS to a file that was not fetched"),
    "not-got.nii.gz": lambda path: _raw(path, b"/annex/objects/MD5E-s9--1.nii.gz\n", "a pointer of git-annex"),
    "scan.dcm": lambda path: _raw(path, bytes(128) + b"DICM" + bytes(200), "it is a DICOM file"),
    "scan.nrrd": lambda path: _raw(path, b"NRRD0004\ntype: float\n", "it is an NRRD file"),
    "scan.npy": lambda path: _raw(path, b"\x93NUMPY\x01\x00", "it is a NumPy array"),
    "picture.png": lambda path: _raw(path, b"\x89PNG\r\n\x1a\n", "it is a PNG picture"),
    "report.pdf": lambda path: _raw(path, b"%PDF-1.7\n", "it is a PDF"),
    "table.csv": lambda path: _raw(path, b"subject_id,session_id\n", "it is of no format that is known"),
    "surface.gii": _surface,
    "unreadable.nii": _unreadable,
    "cut-packed-half.nii.gz": _cut(0.5),
    "cut-packed-end.nii.gz": lambda path: _raw(path, save(path).read_bytes()[:-4], "is damaged or cut short"),
    "cut-half.nii": _cut(0.5),
    "cut-header.nii": lambda path: _raw(path, save(path).read_bytes()[:200], "is no image that can be read"),
    "one-byte-changed.nii.gz": _flipped_byte,
    "header-size-349.nii": _header("states a header of 349 bytes; one of this kind has 348", sizeof_hdr=349),
    "magic-wrong.nii": _header("is no image that can be read", magic=b"xyz"),
    "offset-past-end.nii": _header("is damaged or cut short", vox_offset=1e9),
    "datatype-unknown.nii": _header("is no image that can be read", datatype=12345),
    "offset-zero.nii": _header("states that voxels begin at byte 0; they begin at 352 or later", vox_offset=0),
    "offset-nan.nii.gz": _header("states that voxels begin at byte nan", vox_offset=np.nan),
    "slope-without-intercept.nii.gz": _header("invalid intercept", scl_slope=1, scl_inter=np.nan),
    "slope-enormous.nii.gz": _header("at most 1e+12 is allowed", scl_slope=1e35, scl_inter=0),
    "dims-zero.nii": _header("has shape 0 × 20 × 16", dim=[3, 0, 20, 16, 1, 1, 1, 1]),
    "dims-eight.nii": _header("states 8 axes; three are needed", dim=[8, 16, 20, 16, 1, 1, 1, 1]),
    "dims-negative.nii": _header("has shape -16 × 20 × 16", dim=[3, -16, 20, 16, 1, 1, 1, 1]),
    "dims-larger-than-data.nii.gz": _header("is damaged or cut short", dim=[3, 32, 40, 32, 1, 1, 1, 1]),
    "voxel-size-zero.nii.gz": _header("has voxel sizes of 10 × 0 × 10 mm", pixdim=[1, 10, 0, 10, 1, 1, 1, 1]),
    "voxel-size-nan.nii.gz": _header("has voxel sizes of", pixdim=[1, 10, np.nan, 10, 1, 1, 1, 1]),
    "no-orientation.nii.gz": _no_codes,
    "affine-nan.nii.gz": _affine(np.full((3, 3), np.nan), "has a degenerate affine"),
    "affine-zero.nii.gz": _affine(np.zeros((3, 3)), "has a degenerate affine"),
    "affine-flat.nii.gz": _affine(np.ones((3, 3)), "has a degenerate affine"),
    "affine-far-away.nii.gz": _header("far from any scanner", srow_x=[10, 0, 0, 1e9]),
    "quaternion-none.nii.gz": _header("which is no rotation", sform_code=0, quatern_b=5),
    "metres.nii.gz": _affine(np.eye(3) * 0.01, "1 or more is allowed"),
    "micrometres.nii.gz": _affine(np.eye(3) * 10_000, "has a field of view of"),
    "four-volumes.nii.gz": _array(lambda: np.stack([head()] * 4, axis=-1), "4 volumes; one is needed"),
    "two-axes.nii.gz": _array(lambda: head()[:, :, 0], "three axes of at least 4 voxels are needed"),
    "one-slice.nii.gz": _array(lambda: head()[:, :, :1], "three axes of at least 4 voxels are needed"),
    "constant.nii.gz": _array(np.full(SHAPE, 7, np.float32), "constant"),
    "zeros.nii.gz": _array(np.zeros(SHAPE, np.int16), "constant"),
    "one-nan.nii.gz": _array(_with(np.nan), "voxels are NaN or infinite"),
    "all-nan.nii.gz": _array(np.full(SHAPE, np.nan, np.float32), "voxels are NaN or infinite"),
    "one-infinite.nii.gz": _array(_with(np.inf), "voxels are NaN or infinite"),
    "one-voxel.nii.gz": _array(_one_voxel, "is constant but for a few voxels, 99.8 % of them are 0"),
    "spike.nii.gz": _array(_with(1e11, 0), "holds outliers, as its values are in ["),
    "larger-than-squares.nii.gz": _array(lambda: head() * 1e20, "at most 1e+12 is allowed"),
    "larger-than-float32.nii.gz": _array(lambda: head().astype(float) * 1e300, "at most 1e+12 is allowed"),
    "mask-as-image.nii.gz": _array(lambda: (head() > 300).astype(np.uint8), "holds 0 and 1 alone, as a mask does"),
    "five-axes.nii.gz": _array(lambda: np.stack([head()] * 3, axis=-1)[:, :, :, None], "3 volumes; one is needed"),
    "colour.nii.gz": _colour,
    "complex.nii.gz": _complex,
    "folder.nii.gz": _folder,
    "absent.nii.gz": lambda path: "there is no such file",
    "link-to-itself.nii.gz": _link_to_itself,
    "link-to-nothing.nii.gz": _dangling,
    "lone-header.hdr": _lone_header,
    "lone-data.img": _lone_data,
    "short-data.hdr": _short_img,
    "analyze.hdr": _analyze,
    "cut.mgz": _cut_mgz,
    "no-orientation.mgz": _mgh("states no orientation (goodRASFlag is 0)", goodRASFlag=0),
    "voxel-size-zero.mgz": _mgh("has a degenerate affine", delta=[0, 10, 10]),
    "directions-nan.mgz": _mgh("has a degenerate affine", Mdc=np.full((3, 3), np.nan)),
    "version.mgz": _mgh("Unknown MGH format version", version=7),
    "garbage.mgh": _mgh_of_garbage,
    "unknown.xyz": lambda path: _raw(path, b"\x00" * 500, "is no image that can be read"),
}

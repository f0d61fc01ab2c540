"""What is written of an upload, and what is refused by its header alone."""

from __future__ import annotations

import gzip
import io
import struct
import tracemalloc

import nibabel
import numpy as np
import pytest

from benchmark.errors import UserError
from benchmark.search.serve.uploads import save_upload, shown_name


def content(kind=nibabel.Nifti1Image, **changes):
    """A NIfTI file of 4 × 5 × 6 voxels, with bytes of its header changed."""
    made = bytearray(kind(np.ones((4, 5, 6), np.float32), np.eye(4)).to_bytes())
    for place, value in changes.values():
        made[place : place + len(value)] = value
    return bytes(made)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_file_keeps_its_bytes_and_is_called_by_what_it_is(tmp_path, kind, zipped):
    given = gzip.compress(content(kind)) if zipped else content(kind)
    path = save_upload(io.BytesIO(given), tmp_path, "image", "x")
    assert (path.name, path.read_bytes()) == ("image.nii.gz" if zipped else "image.nii", given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (content(a=(40, struct.pack("<8h", 3, 30000, 30000, 30000, 1, 1, 1, 1))), "30000 × 30000 × 30000 voxels"),
        (content(a=(40, struct.pack("<8h", 3, -4, 5, 6, 1, 1, 1, 1))), "-4 × 5 × 6 voxels"),
        (content(a=(40, struct.pack("<8h", 7, *[300] * 7))), "300 × 300 × 300 × 300 × 300 × 300 × 300 voxels"),
        (content(a=(40, struct.pack("<8h", 0, 4, 5, 6, 1, 1, 1, 1))), "0 voxels are not allowed"),
        (content(a=(108, struct.pack("<f", 1e9))), "voxels begin at byte 1000000000"),
        (content(a=(108, struct.pack("<f", np.nan))), "voxels begin at byte nan"),
        (content(a=(0, b"\0\0\0\0")), "is no NIfTI file"),
        (content()[:347], "is no NIfTI file"),
        (content(nibabel.Nifti2Image)[:500], "is no NIfTI file"),
        (b"", "is no NIfTI file"),
    ],
)
def test_a_header_that_is_none_or_asks_for_too_much_is_refused(tmp_path, given, says):
    for sent in (given, gzip.compress(given)):
        with pytest.raises(UserError, match=r"^x\.nii: ") as raised:
            save_upload(io.BytesIO(sent), tmp_path, "image", "x.nii")
        assert says in str(raised.value)


def test_a_small_file_that_swells_is_not_unpacked(tmp_path):
    sent = gzip.compress(content()[:348] + bytes(200_000_000), 1)
    tracemalloc.start()
    save_upload(io.BytesIO(sent), tmp_path, "image", "x.nii")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\scans\\a.nii", "a.nii"), ("a\n\x1b[31m.nii", "a[31m.nii"),
        (None, "query"), ("", "query"), ("x" * 500, "x" * 100), ("<b>", "<b>"),
    ],
)  # fmt: skip
def test_names_are_told_by_their_last_part(given, shown):
    assert shown_name(given) == shown

from __future__ import annotations

import gzip
import hashlib

import nibabel
import numpy as np
import pytest

from benchmark.data.images import Image, read_image, same_grid
from benchmark.errors import UserError


@pytest.fixture
def refuse(tmp_path):
    """Function: the message a file is refused with, without its folder."""

    def message(path, **options):
        with pytest.raises(UserError) as caught:
            read_image(path, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value).replace(f"{tmp_path}/", "")

    return message


@pytest.fixture
def write(tmp_path):
    """Function: write an array as NIfTI, with the fields of its header changed afterwards."""

    def save(data, name="a.nii", affine=None, **header):
        image = nibabel.Nifti1Image(data, np.eye(4) if affine is None else affine)
        path = tmp_path / name
        nibabel.save(image, path)
        raw = bytearray(path.read_bytes())
        fields = np.frombuffer(raw[:348], dtype=nibabel.Nifti1Header.template_dtype).copy()
        for field, value in header.items():
            fields[field] = value
        raw[:348] = fields.tobytes()
        path.write_bytes(raw)
        return path

    return save


DATA = np.arange(120, dtype=np.float32).reshape(4, 5, 6)


def test_values_and_affine_are_as_stored(write):
    affine = np.diag([-2.0, 3.0, 4.0, 1.0])
    image = read_image(write(DATA, affine=affine))
    np.testing.assert_array_equal(image.data, DATA)
    np.testing.assert_array_equal(image.affine, affine)


@pytest.mark.parametrize("more", [(1,), (1, 1)])
def test_a_trailing_axis_of_one_volume_is_dropped(write, more):
    np.testing.assert_array_equal(read_image(write(DATA.reshape(4, 5, 6, *more))).data, DATA)


def test_other_formats_with_an_orientation_are_read(tmp_path):
    nibabel.save(nibabel.Nifti2Image(DATA, np.eye(4)), tmp_path / "a.nii")
    nibabel.save(nibabel.MGHImage(DATA, np.eye(4)), tmp_path / "a.mgz")
    for name in ("a.nii", "a.mgz"):
        np.testing.assert_array_equal(read_image(tmp_path / name).data, DATA)


def test_what_is_no_image(tmp_path, refuse):
    assert refuse(tmp_path / "gone.nii") == "gone.nii: there is no such file"
    assert refuse(tmp_path) == f"{tmp_path}: there is no such file"
    for name, content in (
        ("t.nii", b"text"),
        ("t.nii.gz", b"text"),
        ("t.csv", b"a,b"),
        ("e.nii.gz", b""),
        ("e.nii", b""),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        assert refuse(path).startswith(f"{name}: is ")


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_file(tmp_path, write, refuse, share):
    rng = np.random.default_rng(0)
    raw = write(rng.integers(0, 1000, (20, 20, 20), dtype=np.int16)).read_bytes()
    for name, content in (("cut.nii", raw), ("cut.nii.gz", gzip.compress(raw))):
        path = tmp_path / name
        path.write_bytes(content[: int(len(content) * share)])
        assert refuse(path).startswith(f"{name}: is ")


def test_damaged_compression(tmp_path, write, refuse):
    raw = bytearray(gzip.compress(write(np.random.default_rng(0).random((20, 20, 20))).read_bytes()))
    raw[2000:2100] = bytes(100)
    path = tmp_path / "bad.nii.gz"
    path.write_bytes(raw)
    assert refuse(path).startswith("bad.nii.gz: is damaged or cut short: ")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 5, 6, 2), "a.nii: has shape 4 × 5 × 6 × 2, 2 volumes; one is needed"),
        ((4, 5), "a.nii: has shape 4 × 5; three axes of at least 4 voxels are needed"),
        ((4, 5, 1), "a.nii: has shape 4 × 5 × 1; three axes of at least 4 voxels are needed"),
    ],
)
def test_what_is_not_one_volume(write, refuse, shape, message):
    assert refuse(write(np.zeros(shape, np.float32))) == message


def test_values_that_are_not_finite_are_counted(write, refuse):
    data = DATA.copy()
    data[0, 0, :3] = [np.nan, np.inf, -np.inf]
    assert refuse(write(data)) == "a.nii: 3 of 120 voxels are NaN or infinite"


def test_complex_and_colour_values(write, refuse):
    assert refuse(write(DATA.astype(np.complex64))) == (
        "a.nii: holds values of type complex64; one real number a voxel is needed"
    )
    colour = np.zeros((4, 5, 6), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    assert "one real number a voxel is needed" in refuse(write(colour))


def test_impossible_geometry(write, refuse):
    zero = refuse(write(DATA, srow_y=[0, 0, 0, 0]))
    assert zero == "a.nii: has a degenerate affine; its voxel sizes are 1 × 0 × 1 mm"
    flat = np.array([[1.0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert refuse(write(DATA, affine=flat)).startswith("a.nii: has a degenerate affine")
    lost = refuse(write(DATA, srow_x=[np.nan, 0, 0, 0]))
    assert lost.startswith("a.nii: has a degenerate affine")
    unsized = write(DATA, pixdim=[1, 0, 1, 1, 1, 1, 1, 1])
    assert refuse(unsized) == "a.nii: has voxel sizes of 0 × 1 × 1 mm; they must be above 0"
    unsized.with_suffix(".nii.gz").write_bytes(gzip.compress(unsized.read_bytes()))
    assert "has voxel sizes of 0 × 1 × 1 mm" in refuse(unsized.with_suffix(".nii.gz"))
    assert refuse(write(DATA, affine=np.diag([1e3, 1, 1, 1]))) == (
        "a.nii: has a field of view of 4000 × 5 × 6 mm; at most 1000 is allowed"
    )


def test_without_orientation_left_and_right_are_unknown(tmp_path, write, refuse):
    assert refuse(write(DATA, sform_code=0, qform_code=0)) == (
        "a.nii: states no orientation (sform and qform codes are 0), so left and right are unknown"
    )
    nibabel.save(nibabel.Spm2AnalyzeImage(DATA, None), tmp_path / "a.img")
    assert "states no orientation" in refuse(tmp_path / "a.img")


def test_an_absurd_header_does_not_allocate(write, refuse):
    path = write(DATA, dim=[3, 30000, 30000, 30000, 1, 1, 1, 1], pixdim=[1, 0.01, 0.01, 0.01, 1, 1, 1, 1])
    assert refuse(path).startswith("a.nii: ")


def test_sha256(write, refuse):
    path = write(DATA)
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    read_image(path, sha256=right.upper())
    assert refuse(path, sha256="0" * 64) == f"a.nii: its sha256 is {right}, the manifest states {'0' * 64}"


def test_same_grid_whatever_the_order_of_axes():
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    image = nibabel.Nifti1Image(DATA, affine)
    for orientation in ("LAS", "PIR", "ASL"):
        target = nibabel.orientations.axcodes2ornt(orientation)
        start = nibabel.orientations.io_orientation(affine)
        turned = image.as_reoriented(nibabel.orientations.ornt_transform(start, target))
        assert same_grid(Image(DATA, affine), Image(np.asarray(turned.dataobj), turned.affine))
    assert not same_grid(Image(DATA, affine), Image(DATA, np.diag([-2.0, 3.0, 4.0, 1.0])))
    assert not same_grid(Image(DATA, affine), Image(DATA[:1], affine))


def test_no_damage_to_a_header_escapes(write, tmp_path):
    """Any byte of the header changed: the image is read as one finite volume, or refused by a UserError."""
    rng = np.random.default_rng(0)
    whole = write(DATA).read_bytes()
    path = tmp_path / "damaged.nii"
    outcomes = []
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, 352, 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            outcomes.append(np.isfinite(read_image(path).data).all())
        except UserError:
            outcomes.append(None)
    assert set(outcomes) == {True, None}

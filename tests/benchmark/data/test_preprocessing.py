import gzip

import nibabel
import numpy as np
import pytest

from benchmark.data.preprocessing import Preprocessing, load_volume
from benchmark.errors import UserError
from tests.benchmark.data.conftest import head

SETTINGS = Preprocessing(shape=(20, 24, 20), spacing=4.0)


def reoriented(data, affine, codes):
    image = nibabel.Nifti1Image(data, affine)
    target = nibabel.orientations.axcodes2ornt(codes)
    turn = nibabel.orientations.ornt_transform(nibabel.orientations.io_orientation(affine), target)
    turned = image.as_reoriented(turn)
    return np.asarray(turned.dataobj), turned.affine


@pytest.mark.parametrize("codes", ["RAS", "LAS", "LIA", "PIR", "SRA"])
def test_any_orientation_gives_the_same_array_and_never_a_flip(image, codes):
    affine = np.diag([4.0, 4, 4, 1])
    expected = load_volume(image(), None, SETTINGS)
    data, turned = reoriented(head(), affine, codes)
    assert "".join(nibabel.aff2axcodes(turned)) == codes
    np.testing.assert_allclose(load_volume(image("turned.nii.gz", data, turned), None, SETTINGS), expected, atol=1e-5)
    assert expected[15, 12, 10] > expected[4, 12, 10]  # the right stays brighter than the left


def test_smaller_and_uneven_voxels_give_nearly_the_same_array(image):
    expected = load_volume(image(), None, SETTINGS)
    fine = head((40, 48, 20))
    affine = np.diag([2.0, 2, 4, 1])
    got = load_volume(image("fine.nii.gz", fine, affine), None, SETTINGS)
    assert np.corrcoef(got.ravel(), expected.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float64])
def test_any_data_type_gives_the_same_array(image, kind):
    data = np.round(head() / head().max() * 250)
    expected = load_volume(image("float.nii.gz", data.astype(np.float32)), None, SETTINGS)
    np.testing.assert_allclose(load_volume(image("k.nii.gz", data.astype(kind)), None, SETTINGS), expected, atol=1e-5)


def test_scaling_in_the_header_is_applied(image, tmp_path):
    expected = load_volume(image(), None, SETTINGS)
    scaled = nibabel.Nifti1Image(head(), np.diag([4.0, 4, 4, 1]))
    scaled.header.set_data_dtype(np.int16)  # nibabel chooses slope and intercept
    nibabel.save(scaled, tmp_path / "scaled.nii")
    np.testing.assert_allclose(load_volume(tmp_path / "scaled.nii", None, SETTINGS), expected, atol=1e-2)


def test_normalisation_is_of_the_voxels_in_the_mask(image):
    mask = head() > 300
    path = image("mask.nii.gz", mask.astype(np.uint8))
    volume = load_volume(image(), path, SETTINGS)
    assert abs(volume[mask].mean()) < 1e-4
    assert volume[mask].std() == pytest.approx(1, abs=1e-4)
    assert (volume[~mask] == 0).all()
    percentile = load_volume(image(), path, Preprocessing((20, 24, 20), 4.0, "percentile", 0, 100))
    assert percentile[mask].min() == 0
    assert percentile[mask].max() == 1


def test_the_brain_is_centred_where_the_volume_is_cropped(image):
    data = np.zeros((40, 40, 40), np.float32)
    data[20:36, 4:20, 12:28] = head((16, 16, 16)) + 10
    mask = image("mask.nii.gz", (data > 0).astype(np.uint8))
    volume = load_volume(image("off.nii.gz", data), mask, Preprocessing((16, 16, 16), 4.0))
    assert (volume != 0).all()


def test_a_trailing_axis_of_one_is_fine(image):
    expected = load_volume(image(), None, SETTINGS)
    np.testing.assert_array_equal(load_volume(image("4.nii.gz", head()[..., None]), None, SETTINGS), expected)


def broken(data, where, value):
    data = data.copy()
    data[where] = value
    return data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.stack([head()] * 2, axis=3), r"the image has shape \(20, 24, 20, 2\); one 3D volume is allowed"),
        (np.full((8, 8, 8), 7, np.float32), "the image is constant, every voxel is 7"),
        (np.full((8, 8, 8), np.nan, np.float32), "512 of 512 voxels are not finite"),
        (broken(head(), (3, 3, 3), np.inf), "1 of 9600 voxels are not finite"),
        (head()[:, :, 0], r"the image has shape \(20, 24\)"),
    ],
)
def test_an_image_that_cannot_be_used_is_named_with_the_cause(image, data, message):
    path = image("bad.nii.gz", data)
    with pytest.raises(UserError, match=f"^{path}: {message}"):
        load_volume(path, None, SETTINGS)


def test_truncated_missing_and_foreign_files_are_named(image, tmp_path):
    path = image()
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UserError, match=f"^{path}: not a readable image, or truncated"):
        load_volume(path, None, SETTINGS)
    with pytest.raises(UserError, match="no.nii.gz: the image is not there"):
        load_volume(tmp_path / "no.nii.gz", None, SETTINGS)
    text = tmp_path / "text.nii"
    text.write_text("not an image")
    with pytest.raises(UserError, match=f"^{text}: not a readable image"):
        load_volume(text, None, SETTINGS)
    short = tmp_path / "short.nii.gz"
    short.write_bytes(gzip.compress(b"1234"))
    with pytest.raises(UserError, match=f"^{short}: not a readable image"):
        load_volume(short, None, SETTINGS)


def test_a_mask_that_cannot_be_used_is_named(image):
    path = image()
    empty = image("empty.nii.gz", np.zeros((20, 24, 20), np.uint8))
    other = image("other.nii.gz", np.ones((8, 8, 8), np.uint8))
    with pytest.raises(UserError, match="empty.nii.gz: the mask is empty"):
        load_volume(path, empty, SETTINGS)
    with pytest.raises(UserError, match=r"other.nii.gz: the mask has shape \(8, 8, 8\), its image \(20, 24, 20\)"):
        load_volume(path, other, SETTINGS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (4, 4)}, "shape: .* three positive integers"),
        ({"spacing": 0}, "spacing: 0 is not allowed"),
        ({"normalisation": "max"}, "'max' is not allowed; allowed: zscore, percentile"),
        ({"low": 99, "high": 1}, "0 <= low < high <= 100"),
    ],
)
def test_settings_out_of_range_are_named(change, message):
    with pytest.raises(UserError, match=message):
        Preprocessing(**change)

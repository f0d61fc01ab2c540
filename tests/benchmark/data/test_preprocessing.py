from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.data.preprocessing import Preprocessing, foreground
from benchmark.errors import UserError

ORIENTATIONS = ("RAS", "LAS", "LPS", "LIA", "PIR", "ASL", "SPR")
#: Grid of the head's own field of view at 4 mm.
SETTINGS = Preprocessing(shape=(24, 28, 26), spacing=4.0)


@pytest.fixture
def scan(tmp_path, head, write_image):
    """Function: write a head and its mask, and give the row of the scans table."""

    def write(
        spacing=(4.0, 4.0, 4.0), orientation="RAS", dtype=np.float32, change=lambda data: data, mask=True, **header
    ):
        data, inside, affine = head(spacing)
        image = write_image(tmp_path / "t1.nii.gz", change(data), affine, orientation, dtype, **header)
        row = {"image": str(image), "mask": "", "sha256": ""}
        if mask:
            row["mask"] = str(write_image(tmp_path / "mask.nii.gz", inside, affine, orientation, np.uint8))
        return row

    return write


@pytest.mark.parametrize("mask", [True, False])
@pytest.mark.parametrize("spacing", [(4.0, 4.0, 4.0), (1.5, 2.0, 3.0)])
def test_every_stored_orientation_gives_the_same_volume(scan, spacing, mask):
    expected = SETTINGS.load(scan(spacing, "RAS", mask=mask)).volume
    for orientation in ORIENTATIONS[1:]:
        np.testing.assert_allclose(SETTINGS.load(scan(spacing, orientation, mask=mask)).volume, expected, atol=2e-3)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_right_stays_right_and_front_stays_front(scan, orientation):
    # The blob is at x = +20 (right), y = +8 (front), z = -12 mm (below): voxel 24/2 + 20/4 = 17, 16, 10.
    volume = SETTINGS.load(scan((2.0, 2.0, 2.0), orientation)).volume
    assert volume.shape == (24, 28, 26)
    assert volume.dtype == np.float32
    smooth = np.where(volume == volume.max())
    np.testing.assert_allclose(np.ravel(smooth), [16.5, 15.5, 9.5], atol=1)
    assert volume[12:].mean() > volume[:12].mean() + 0.05


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.9, 1.1, 3.0), (6.0, 5.0, 7.0)])
def test_spacing_is_interpolated_away(scan, spacing):
    expected = SETTINGS.load(scan((4.0, 4.0, 4.0))).volume
    volume = SETTINGS.load(scan(spacing)).volume
    inside = (expected != 0) & (volume != 0)
    assert np.corrcoef(volume[inside], expected[inside])[0, 1] > 0.97
    assert inside.sum() > 0.9 * (expected != 0).sum()


@pytest.mark.parametrize("normalisation", ["zscore", "percentile"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float64])
def test_types_scales_and_offsets_do_not_matter(scan, normalisation, dtype):
    settings = Preprocessing((24, 28, 26), normalisation=normalisation)
    expected = settings.load(scan()).volume
    whole = np.issubdtype(dtype, np.integer)
    top = min(np.iinfo(dtype).max, 20000) if whole else 1.0
    changed = scan(dtype=dtype, change=lambda data: np.rint(data / data.max() * top) if whole else data * 1e-30 + 1e-30)
    # Half a step of a uint8 is 1/510 of the range, and the range about 6 SD.
    np.testing.assert_allclose(settings.load(changed).volume, expected, atol=0.02 if dtype == np.uint8 else 1e-3)


def test_slope_and_intercept_of_the_header_are_applied(tmp_path, scan, head, write_image):
    data, _, affine = head()
    expected = SETTINGS.load(scan(mask=False)).volume
    negative = write_image(tmp_path / "n.nii.gz", np.rint(data * -20), affine, dtype=np.int16)
    raw = bytearray(__import__("gzip").decompress(negative.read_bytes()))
    raw[112:116] = np.float32(-0.05).tobytes()  # scl_slope
    raw[116:120] = np.float32(7).tobytes()  # scl_inter
    scaled = tmp_path / "s.nii"
    scaled.write_bytes(raw)
    np.testing.assert_allclose(SETTINGS.load({"image": str(scaled)}).volume, expected, atol=1e-3)


def test_zscore_is_of_the_mask_and_the_outside_is_zero(scan, head):
    volume = SETTINGS.load(scan()).volume
    inside = head()[1].astype(bool)
    assert volume[inside].mean() == pytest.approx(0, abs=1e-5)
    assert volume[inside].std(ddof=1) == pytest.approx(1, abs=1e-5)
    assert (volume[~inside] == 0).all()
    kept = Preprocessing((24, 28, 26), mask_background=False).load(scan()).volume
    np.testing.assert_array_equal(kept[inside], volume[inside])
    assert kept[~inside].min() < -2


def test_percentiles_of_the_mask_become_zero_and_one(scan, head):
    settings = Preprocessing((24, 28, 26), normalisation="percentile", percentiles=(10, 90))
    volume = settings.load(scan()).volume
    data, mask, _ = head()
    low, high = np.percentile(data[mask > 0], [10, 90])
    expected = np.clip((data - low) / (high - low), 0, 1) * mask
    np.testing.assert_allclose(volume, expected, atol=1e-4)


def test_without_a_mask_air_does_not_count(scan, head):
    """Neither a wider field of view nor a larger grid changes the values of the head."""
    small = SETTINGS.load(scan(mask=False)).volume
    large = Preprocessing((40, 40, 40)).load(scan(mask=False)).volume
    np.testing.assert_allclose(large[8:32, 6:34, 7:33], small, atol=1e-5)
    assert large[0, 0, 0] == pytest.approx(small.min(), abs=1e-3)
    tissue = torch.from_numpy(small.copy() - small.min())
    assert foreground(tissue).float().mean() == pytest.approx((head()[0] > 150).mean(), abs=0.1)


def test_cropping_and_padding_are_centred_on_the_image_or_the_mask(tmp_path, head, write_image):
    data, mask, affine = head()
    neck = np.pad(data, [(0, 0), (0, 0), (14, 0)])
    image = write_image(tmp_path / "t1.nii.gz", neck, affine)
    inside = write_image(tmp_path / "mask.nii.gz", np.pad(mask, [(0, 0), (0, 0), (14, 0)]), affine, dtype=np.uint8)
    row = {"image": str(image), "mask": str(inside)}
    whole = SETTINGS.load(
        {
            "image": str(write_image(tmp_path / "a.nii", data, affine)),
            "mask": str(inside_of(tmp_path, write_image, mask, affine)),
        }
    ).volume
    centred = Preprocessing((24, 28, 26), crop_to_mask=True).load(row)
    np.testing.assert_allclose(centred.volume, whole, atol=1e-5)
    assert centred.lost == 0
    shifted = SETTINGS.load(row)
    np.testing.assert_allclose(shifted.volume[:, :, 7:][mask[:, :, :-7] > 0].std(), 1, atol=0.2)
    assert shifted.lost == pytest.approx(mask[:, :, 19:].sum() / mask.sum(), abs=1e-6)


def inside_of(folder, write_image, mask, affine):
    return write_image(folder / "m.nii", mask, affine, dtype=np.uint8)


def test_padding_is_symmetric(scan):
    volume = Preprocessing((30, 34, 32)).load(scan()).volume
    np.testing.assert_array_equal(volume[3:27, 3:31, 3:29], SETTINGS.load(scan()).volume)
    assert (volume[:3] == 0).all()


def test_a_mask_in_another_orientation_of_the_same_grid_is_accepted(tmp_path, scan, head, write_image):
    row = scan(orientation="LIA")
    expected = SETTINGS.load(row).volume
    _, mask, affine = head()
    other = write_image(tmp_path / "other.nii", mask, affine, "PSR", np.uint8)
    np.testing.assert_array_equal(SETTINGS.load({**row, "mask": str(other)}).volume, expected)


def test_a_mask_may_hold_probabilities_or_255(tmp_path, scan, head, write_image):
    row = scan()
    expected = SETTINGS.load(row).volume
    _, mask, affine = head()
    for values in (mask * 0.9 + 0.05, mask * 255.0):
        other = write_image(tmp_path / "other.nii", values, affine)
        np.testing.assert_array_equal(SETTINGS.load({**row, "mask": str(other)}).volume, expected)


def test_an_oblique_image_is_not_mirrored(tmp_path, head, write_image):
    data, _, affine = head((2.0, 2.0, 2.0))
    angle = np.deg2rad(10)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    plain = SETTINGS.load({"image": str(write_image(tmp_path / "a.nii", data, affine))}).volume
    oblique = SETTINGS.load({"image": str(write_image(tmp_path / "b.nii", data, turn @ affine))}).volume
    np.testing.assert_allclose(oblique, plain, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shape": (40, 48)}, r"preprocessing.shape: \(40, 48\) is not allowed; it must be three whole numbers"),
        ({"shape": (40, 0, 40)}, "preprocessing.shape"),
        ({"shape": (40, 48.5, 40)}, "preprocessing.shape"),
        ({"spacing": 0}, r"preprocessing.spacing: 0.0 is not allowed; it must be a number of mm in \[0.1, 50\]"),
        ({"spacing": float("nan")}, "preprocessing.spacing"),
        ({"normalisation": "minmax"}, "preprocessing.normalisation: minmax is not allowed; it must be zscore or perc"),
        ({"percentiles": (99, 1)}, "preprocessing.percentiles: .* it must be two ascending numbers"),
        ({"percentiles": (1, 101)}, "preprocessing.percentiles"),
        ({"percentiles": (1,)}, "preprocessing.percentiles"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(UserError, match=message):
        Preprocessing(**settings)


def test_settings_from_yaml_equal_those_from_python():
    assert Preprocessing(shape=[40, 48, 40], spacing=4, percentiles=[1, 99]) == Preprocessing()


def test_images_without_contrast(tmp_path, scan, head, write_image):
    mask = head()[1]
    row = scan(change=lambda data: np.full_like(data, 7))
    with pytest.raises(UserError, match="t1.nii.gz: is constant, every voxel is 7"):
        SETTINGS.load(row)
    with pytest.raises(UserError, match="t1.nii.gz: has no contrast within the mask, nothing to normalise by"):
        SETTINGS.load(scan(change=lambda data: (1.0 - mask) * data))
    speck = scan(mask=False, change=lambda data: (np.arange(data.size) == data.size - 1).reshape(data.shape))
    with pytest.raises(UserError, match="t1.nii.gz: is constant but for a few voxels, 99.8 % of them are 0"):
        Preprocessing((8, 8, 8)).load(speck)
    edge = scan(
        mask=False, change=lambda data: np.arange(data.size).reshape(data.shape) % 3 * (np.indices(data.shape)[0] == 0)
    )
    with pytest.raises(UserError, match="t1.nii.gz: has no contrast within the grid"):
        Preprocessing((8, 8, 8)).load(edge)


def test_unusable_masks(tmp_path, scan, head, write_image):
    _, mask, affine = head()
    row = scan()

    def message(values, at=affine, settings=SETTINGS):
        path = write_image(tmp_path / "bad.nii", values, at, dtype=np.float32)
        with pytest.raises(UserError) as caught:
            settings.load({**row, "mask": str(path)})
        return str(caught.value).replace(str(tmp_path), "")

    assert message(mask * 0) == "/bad.nii: the mask is empty"
    assert message(mask[:-1]).startswith(
        "/bad.nii: the mask isn't on the grid of /t1.nii.gz (shapes 23 × 28 × 26 and 24 × 28 × 26, or another affine)"
    )
    elsewhere = affine.copy()
    elsewhere[0, 3] += 8
    assert "isn't on the grid" in message(mask, elsewhere)
    corner = np.zeros_like(mask)
    corner[0, 0, 0] = 1
    outside = message(corner, settings=Preprocessing((8, 8, 8)))
    assert outside == "/bad.nii: the mask covers no voxel of the grid of 8 × 8 × 8 at 4 mm"
    assert message(np.full(mask.shape, np.nan)).endswith("voxels are NaN or infinite")
    with pytest.raises(UserError, match="gone.nii: there is no such file"):
        SETTINGS.load({**row, "mask": str(tmp_path / "gone.nii")})


def test_a_field_of_view_smaller_than_a_voxel(tmp_path, head, write_image):
    data, _, affine = head()
    path = write_image(tmp_path / "small.nii", data, np.diag([0.03, 0.03, 0.03, 1]) @ affine)
    with pytest.raises(UserError, match="small.nii: its field of view is smaller than one voxel of 4 mm"):
        SETTINGS.load({"image": str(path)})

"""Raw images of every orientation, type and format come out as the same head, left staying left."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from nibabel.affines import from_matvec
from scipy.spatial.transform import Rotation

from benchmark.data.images import Image
from benchmark.errors import UserError
from benchmark.prepare.preprocess.load import load
from benchmark.prepare.preprocess.spatial import from_sitk, grid, resampled, sitk, to_sitk

SHAPE, SPACING = (40, 48, 40), 4.0


def on_grid(image: Image):
    return from_sitk(resampled(to_sitk(image), grid(SHAPE, SPACING), sitk.AffineTransform(3))).data


@pytest.fixture(scope="session")
def wanted(head):
    return on_grid(Image(*head))


def alike(found, wanted):
    return np.corrcoef(found.ravel(), wanted.ravel())[0, 1]


@pytest.mark.parametrize("codes", ["RAS", "LAS", "LIA", "PSR", "ASL", "SPL"])
def test_orientations(save, wanted, codes):
    found = on_grid(load(save(codes)))
    assert alike(found, wanted) > 0.9999
    # The bright ball is on the left; a flip would put it to the right.
    assert found[:20].max() == pytest.approx(wanted[:20].max(), rel=0.02)
    assert alike(found[::-1], wanted) < 0.99


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_types(save, wanted, dtype):
    assert alike(on_grid(load(save(dtype=dtype, name="t1.nii"))), wanted) > 0.9995


@pytest.mark.parametrize("name", ["t1.nii", "t1.nii.gz", "t1.mgz"])
def test_formats(save, wanted, name):
    assert alike(on_grid(load(save(name=name, dtype=np.float32))), wanted) > 0.9999


def test_slope_and_intercept(head, tmp_path, wanted):
    image = nibabel.Nifti1Image(head[0], head[1])
    image.header.set_data_dtype(np.int16)
    image.header.set_slope_inter(0.5, 10.0)
    nibabel.save(image, tmp_path / "t1.nii.gz")
    assert alike(on_grid(load(tmp_path / "t1.nii.gz")), wanted) > 0.9999


@pytest.mark.parametrize(
    ("zooms", "angles"),
    [((0.7, 1.2, 3), (0, 0, 0)), ((3, 0.7, 2), (0, 0, 0)), ((3, 3, 3), (0, 0, 0)), ((2, 2.5, 3), (20, -15, 10))],
)
def test_voxel_sizes_and_oblique_slices(head, tmp_path, wanted, zooms, angles):
    # The head as a scanner would sample it along its own, turned, axes.
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    linear = turn @ np.diag(zooms)
    shape = tuple(int(extent / zoom) for extent, zoom in zip((250, 290, 240), zooms, strict=True))
    affine = from_matvec(linear, np.array([0, -18, 8]) - linear @ ((np.array(shape) - 1) / 2))
    scanner = to_sitk(Image(np.zeros(shape, np.float32), affine))
    scanned = from_sitk(sitk.Resample(to_sitk(Image(*head)), scanner, sitk.AffineTransform(3), sitk.sitkLinear, 0.0))
    nibabel.save(nibabel.Nifti1Image(scanned.data, affine), tmp_path / "t1.nii.gz")
    assert alike(on_grid(load(tmp_path / "t1.nii.gz")), wanted) > 0.99


@pytest.mark.parametrize("codes", ["ASL", "LAS", "RAS"])
def test_analyze_takes_its_orientation_from_the_manifest(head, tmp_path, codes):
    image = nibabel.Nifti1Image(*head).as_reoriented(
        nibabel.orientations.ornt_transform(
            nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(codes)
        )
    )
    array = np.round(np.asarray(image.dataobj))[..., None].astype(">i2")
    header = nibabel.AnalyzeHeader(endianness=">")
    header.set_data_dtype(">i2")
    header.set_data_shape(array.shape)
    header.set_zooms((4.0, 4.0, 4.0, 1.0))
    nibabel.save(nibabel.AnalyzeImage(array, None, header), tmp_path / "t1.hdr")
    with pytest.raises(UserError, match="states no orientation"):
        load(tmp_path / "t1.hdr")
    found = load(tmp_path / "t1.hdr", codes)
    assert found.data.shape == head[0].shape
    assert np.abs(found.data - head[0]).max() <= 0.5
    assert nibabel.aff2axcodes(found.affine) == ("R", "A", "S")


@pytest.mark.parametrize("orientation", ["RA", "RLS", "XYZ", "RASL"])
def test_orientations_that_are_none(head, tmp_path, orientation):
    nibabel.save(nibabel.AnalyzeImage(head[0].astype(np.int16), None), tmp_path / "t1.hdr")
    with pytest.raises(UserError, match="must name three axes"):
        load(tmp_path / "t1.hdr", orientation)


def test_a_sheared_affine_is_resampled(head, tmp_path, wanted):
    affine = head[1].copy()
    affine[0, 1] += 0.8
    shear = np.eye(4)
    shear[:3, :3] = head[1][:3, :3] @ np.linalg.inv(affine[:3, :3])
    nibabel.save(nibabel.Nifti1Image(head[0], affine), tmp_path / "t1.nii.gz")
    found = load(tmp_path / "t1.nii.gz")
    axes = found.affine[:3, :3] / np.linalg.norm(found.affine[:3, :3], axis=0)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    # Where the sheared world says it is, the head is.
    transform = sitk.AffineTransform(3)
    flip = np.diag([-1.0, -1.0, 1.0])
    linear = np.linalg.inv(shear[:3, :3])
    transform.SetMatrix((flip @ linear @ flip).ravel().tolist())
    transform.SetTranslation((flip @ (affine[:3, 3] - linear @ head[1][:3, 3])).tolist())
    back = from_sitk(resampled(to_sitk(found), grid(SHAPE, SPACING), transform)).data
    assert alike(back, wanted) > 0.99

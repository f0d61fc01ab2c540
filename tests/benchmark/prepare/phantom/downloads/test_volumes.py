import nibabel
import numpy as np
import pytest

from benchmark.prepare.phantom.downloads.volumes import in_order, write_analyze, write_nifti


@pytest.fixture
def volume(tiny_volume):
    return tiny_volume(0, "AD", "OASIS1")


def as_ras(array, axes):
    """Voxels in RAS order, from an order that is known."""
    orientations = nibabel.orientations
    change = orientations.ornt_transform(orientations.axcodes2ornt(tuple(axes)), orientations.axcodes2ornt("RAS"))
    return orientations.apply_orientation(array, change)


@pytest.mark.parametrize("axes", ["RAS", "LAS", "ASL", "PIR"])
def test_voxels_in_another_order_are_the_same_volume(volume, axes):
    array, affine = volume
    turned, placed = in_order(array, affine, axes)
    assert nibabel.aff2axcodes(placed) == tuple(axes)
    assert np.array_equal(as_ras(turned, axes), array)
    back = nibabel.as_closest_canonical(nibabel.Nifti1Image(turned, placed))
    assert np.allclose(back.affine, affine)


@pytest.mark.parametrize("axes", ["ASL", "LAS"])
def test_analyze_pairs_are_big_endian_and_state_no_orientation(volume, tmp_path, axes):
    write_analyze(tmp_path / "image.hdr", *volume, axes)
    assert (tmp_path / "image.hdr").stat().st_size == 348
    image = nibabel.load(tmp_path / "image.hdr")
    assert type(image) is not nibabel.Nifti1Pair
    assert image.header.endianness == ">"
    assert image.shape == (*in_order(*volume, axes)[0].shape, 1)
    assert image.get_data_dtype() == np.dtype(">i2")
    array = as_ras(np.asanyarray(image.dataobj)[..., 0], axes)
    assert np.allclose(array / array.max(), volume[0] / volume[0].max(), atol=1e-3)


def test_nifti_files_state_theirs(volume, tmp_path):
    for name in ("image.nii", "image.nii.gz"):
        write_nifti(tmp_path / name, *volume, axes="LAS")
        image = nibabel.load(tmp_path / name)
        assert nibabel.aff2axcodes(image.affine) == ("L", "A", "S")
        canonical = nibabel.as_closest_canonical(image).get_fdata()
        assert np.allclose(canonical / canonical.max(), volume[0] / volume[0].max(), atol=1e-3)

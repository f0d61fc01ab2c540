"""A head that has a left and a right, in template space, and files of it as scanners might leave them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


@pytest.fixture(scope="session")
def head():
    """The template at 4 mm with a bright ball in its left hemisphere: RAS array and affine."""
    from benchmark.prepare.preprocess.template import template

    t1, _ = template()
    array = gaussian_filter(np.asarray(t1.data, float), 0.8)[::2, ::2, ::2]
    affine = t1.affine @ np.diag([2, 2, 2, 1.0])
    points = np.stack(np.meshgrid(*map(np.arange, array.shape), indexing="ij"), axis=-1) @ affine[:3, :3].T
    distance = np.linalg.norm(points + affine[:3, 3] - (-35.0, -20.0, 20.0), axis=-1)
    array = array + array.max() * np.exp(-np.square(distance / 18.0))
    return (1000 * array / array.max()).astype(np.float32), affine


@pytest.fixture
def save(head, tmp_path):
    """Write the head in some voxel order, type and format; its path."""

    def write(codes="RAS", dtype=np.int16, name="t1.nii.gz", array=None, affine=None):
        import nibabel

        image = nibabel.Nifti1Image(head[0] if array is None else array, head[1] if affine is None else affine)
        image = image.as_reoriented(
            nibabel.orientations.ornt_transform(
                nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(codes)
            )
        )
        data = np.asarray(image.dataobj)
        data = data if np.issubdtype(dtype, np.floating) else np.round(data * (0.25 if dtype == np.uint8 else 1))
        kind = nibabel.MGHImage if name.endswith((".mgz", ".mgh")) else nibabel.Nifti1Image
        made = kind(data.astype(dtype), image.affine)
        nibabel.save(made, tmp_path / name)
        return tmp_path / name

    return write

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchio

from benchmark.data.grid import CentredGrid


def centroid(volume):
    """Centre of intensity in voxels, relative to the centre of the grid."""
    weights = volume.numpy()[0].astype(float)
    grids = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in weights.shape], indexing="ij")
    return np.array([(weights * grid).sum() / weights.sum() for grid in grids])


def ball(shape, spacing, centre=(0.0, 0.0, 0.0), radius=20.0):
    """A soft ball of some radius in mm, `centre` mm off the middle of the image, and its mask."""
    axes = [(np.arange(n) - (n - 1) / 2) * s - c for n, s, c in zip(shape, spacing, centre, strict=True)]
    distance = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    data = torch.tensor(np.clip(1 - distance / radius, 0, 1)[None], dtype=torch.float32)
    affine = np.diag([*spacing, 1.0])
    return torchio.Subject(
        t1=torchio.ScalarImage(tensor=data, affine=affine),
        mask=torchio.LabelMap(tensor=(data > 0).to(torch.uint8), affine=affine),
    )


@pytest.mark.parametrize("shape", [(60, 60, 60), (61, 60, 59), (75, 64, 90)])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.9, 1.1, 1.3)])
def test_the_centre_stays_whatever_the_matrix_size(shape, spacing):
    # Resample and CropOrPad would be up to half a voxel (0.5) off.
    done = CentredGrid((12, 12, 12), 4.0)(ball(shape, spacing))
    assert done.t1.spatial_shape == (12, 12, 12)
    np.testing.assert_allclose(done.t1.spacing, 4.0)
    np.testing.assert_allclose(centroid(done.t1.data), 0, atol=0.01)


@pytest.mark.parametrize("spacing", [1.0, 4.0])
def test_the_grid_follows_the_mask(spacing):
    size = round(96 / spacing)
    subject = ball((size, size, size), (spacing,) * 3, centre=(12.0, -8.0, 4.0), radius=11.0)
    shifted = CentredGrid((12, 12, 12), 4.0)(subject)
    np.testing.assert_allclose(centroid(shifted.t1.data), [3, -2, 1], atol=0.02)
    centred = CentredGrid((12, 12, 12), 4.0, "mask")(subject)
    # Without interpolation the centre is exact to half a voxel.
    np.testing.assert_allclose(centroid(centred.t1.data), 0, atol=0.02 if spacing == 1 else 0.51)


def test_equal_spacing_is_never_interpolated():
    subject = ball((24, 25, 26), (4.0, 4.0, 4.0 * (1 + 1e-5)))
    done = CentredGrid((20, 30, 26), 4.0)(subject)
    np.testing.assert_array_equal(done.t1.data[:, :, 3:28], subject.t1.data[:, 2:22])
    same = CentredGrid((24, 25, 26), 4.0)(subject)
    np.testing.assert_array_equal(same.t1.data, subject.t1.data)


def test_averages_are_kept_by_smoothing_before_the_grid_gets_coarser():
    # A pattern finer than the grid: without smoothing, its voxels would be 0 or 1 by chance.
    pattern = (torch.arange(64)[:, None, None] % 2 == 0).float().expand(64, 64, 64)[None].clone()
    image = torchio.Subject(t1=torchio.ScalarImage(tensor=pattern, affine=np.eye(4)))
    done = CentredGrid((16, 16, 16), 4.0)(image)
    np.testing.assert_allclose(done.t1.data[:, 2:-2], 0.5, atol=0.02)


def test_share_outside_counts_voxels_of_the_mask():
    mask = torch.zeros(1, 40, 40, 40, dtype=torch.uint8)
    mask[:, 10:30, 10:30, 10:40] = 1  # 30 slices, of which the grid of 20 × 20 × 20 mm at the centre shows 20
    subject = torchio.Subject(t1=torchio.ScalarImage(tensor=mask.float(), affine=np.eye(4)))
    subject.add_image(torchio.LabelMap(tensor=mask, affine=np.eye(4)), "mask")
    assert CentredGrid((5, 5, 5), 4.0).share_outside(subject, "mask") == pytest.approx(1 / 3)
    assert CentredGrid((5, 5, 8), 4.0, "mask").share_outside(subject, "mask") == 0
    assert CentredGrid((30, 30, 30), 4.0).share_outside(subject, "mask") == 0


def test_the_transform_can_be_replayed_from_the_history():
    subject = ball((60, 61, 62), (1.0, 1.0, 1.0))
    done = CentredGrid((12, 12, 12), 4.0, "mask")(subject)
    again = done.get_composed_history()(ball((60, 61, 62), (1.0, 1.0, 1.0)))
    np.testing.assert_array_equal(again.t1.data, done.t1.data)

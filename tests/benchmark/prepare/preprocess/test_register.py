"""Registration recovers known transforms of the template."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import polar
from scipy.spatial.transform import Rotation

from benchmark.prepare.preprocess.register import matrix, register
from benchmark.prepare.preprocess.spatial import from_sitk, grid, sitk, to_sitk
from benchmark.prepare.preprocess.template import template

pytestmark = pytest.mark.slow


def transform_of(angles, shift, scale, shear):
    made = np.eye(4)
    made[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ np.diag(scale)
    made[:3, :3] @= np.array([[1, shear, 0], [0, 1, 0], [0, 0, 1]])
    made[:3, 3] = shift
    return made


def moved(known, gamma, noise):
    """The template as a scanner sees it that has its world moved."""
    t1, _ = template()
    back, flip = np.linalg.inv(known), np.diag([-1.0, -1.0, 1.0])
    transform = sitk.AffineTransform(3)
    transform.SetMatrix((flip @ back[:3, :3] @ flip).ravel().tolist())
    transform.SetTranslation((flip @ back[:3, 3]).tolist())
    reference = grid((70, 86, 70), 2.8, np.array([0, -18, 8]) + known[:3, 3])
    image = from_sitk(sitk.Resample(to_sitk(t1), reference, transform, sitk.sitkLinear, 0.0))
    values = np.power(image.data, gamma) + noise * np.random.default_rng(0).normal(size=image.data.shape)
    return type(image)(values.astype(np.float32), image.affine)


@pytest.mark.parametrize(
    ("kind", "known", "gamma", "noise"),
    [
        ("affine", transform_of((10, -8, 12), (15, -20, 25), (1.1, 0.9, 1.05), 0.05), 1.3, 0.0),
        ("affine", transform_of((20, 15, -15), (-20, 10, 30), (0.9, 1.1, 1.1), 0.0), 0.8, 0.03),
        ("rigid", transform_of((-15, 10, 5), (5, 30, -30), (1, 1, 1), 0.0), 1.0, 0.05),
    ],
)
def test_known_transforms_come_back_within_two_mm_and_two_degrees(kind, known, gamma, noise):
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    transform, information = register(moved(known, gamma, noise), kind)
    found = matrix(transform)
    _, brain = template()
    points = np.c_[np.argwhere(brain.data > 0)[::501], np.ones((brain.data > 0).sum() // 501 + 1)] @ brain.affine.T
    error = np.linalg.norm((points @ (found - known).T)[:, :3], axis=1)
    turn = polar(found[:3, :3])[0].T @ polar(known[:3, :3])[0]
    assert error.max() < 2.0
    assert np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1))) < 2.0
    assert information > 1.0


def test_the_same_image_gets_the_same_transform():
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    image = moved(transform_of((5, -4, 3), (8, -6, 9), (1.05, 1, 1), 0.02), 1.0, 0.02)
    (first, reached), (second, again) = (register(image) for _ in range(2))
    np.testing.assert_array_equal(matrix(first), matrix(second))
    assert reached == again

"""The outline: components of masks, the common mask, and the file that keeps them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from benchmark.data.outline import COMPONENTS, Outline

SHAPE = (8, 9, 7)


@pytest.fixture
def volumes():
    """60 volumes of noise: a core that all masks hold, a rim that half of them hold."""
    rng = np.random.default_rng(0)
    masks = np.zeros((60, *SHAPE), bool)
    masks[:, 2:6, 2:6, 2:5] = True
    masks[:, 1, 2:6, 2:5] = rng.random((60, 4, 3)) < 0.5
    return np.where(masks, rng.normal(size=masks.shape), 0).astype(np.float16)


@pytest.fixture
def store(volumes, tmp_path):
    return SimpleNamespace(volumes=volumes, folder=tmp_path, digest="d")


def test_components_are_those_of_the_training_masks(volumes):
    training = np.arange(0, 60, 2)
    outline = Outline.of(volumes, training)
    masks = (volumes != 0).reshape(60, -1).astype(float)
    expected = PCA(12, svd_solver="full").fit(masks[training]).transform(masks)
    assert outline.components.shape == (60, COMPONENTS)
    # Twelve voxels vary.
    np.testing.assert_allclose(np.abs(outline.components[:, :12]), np.abs(expected), atol=1e-4)
    assert not outline.components[:, 12:].any()


def test_the_common_mask_holds_what_99_of_100_training_masks_hold(volumes):
    many = np.concatenate([volumes, volumes])[:101].copy()
    many[7, 3, 3, 3] = 0
    many[[8, 9], 4, 3, 3] = 0
    many[100, 5, 3, 3] = 0
    outline = Outline.of(many, np.arange(100))
    assert outline.common[3, 3, 3]
    assert not outline.common[4, 3, 3]
    assert outline.common[5, 3, 3]  # Of no training scan's mask it lacks.
    assert outline.common.sum() == 4 * 4 * 3 - 1


def test_equal_masks_have_no_components():
    volumes = np.zeros((5, *SHAPE), np.float16)
    volumes[:, 2:5, 2:5, 2:5] = 1
    outline = Outline.of(volumes, np.arange(4))
    assert not outline.components.any()
    assert outline.common.sum() == 27


def test_it_is_computed_once_for_a_store_and_its_training_scans(store, monkeypatch):
    made = Outline.cached(store, np.arange(40))
    with monkeypatch.context() as patch:
        patch.setattr(Outline, "of", lambda *_: pytest.fail("computed again"))
        known = Outline.cached(store, np.arange(40))
    np.testing.assert_array_equal(made.components, known.components)
    np.testing.assert_array_equal(made.common, known.common)
    other = Outline.cached(store, np.arange(30))
    assert not np.array_equal(made.components, other.components)
    assert len(list(store.folder.glob("outline-*.npz"))) == 2


@pytest.mark.parametrize("damage", [b"", b"not a file", None])
def test_a_damaged_file_is_made_again(store, damage):
    made = Outline.cached(store, np.arange(40))
    (path,) = store.folder.glob("outline-*.npz")
    path.write_bytes(path.read_bytes()[:-200] if damage is None else damage)
    np.testing.assert_array_equal(Outline.cached(store, np.arange(40)).components, made.components)


def test_a_cache_that_cannot_be_written_is_no_error(store, caplog, monkeypatch):
    def refuse(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("benchmark.data.outline.atomic_path", refuse)
    assert Outline.cached(store, np.arange(40)).components.any()
    assert "cannot be written (Permission denied)" in caplog.text

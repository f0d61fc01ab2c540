"""Principal components of voxels, of masks, and of equalised voxels."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.decomposition import PCA

from baselines.canonical_pca import CanonicalPCA
from baselines.equalised_pca import SMOOTHING, EqualisedPCA
from baselines.mask_pca import MaskPCA
from baselines.pca_voxels import PCAVoxels
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.equalisation import equalise, masked_smooth
from benchmark.methods.errors import MethodError
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.travelling import scores

SHAPE = (18, 20, 18)


def heads(subjects, sites, seed=0):
    """Volumes (subject * site, 1, x, y, z) of pure noise in masks that a subject keeps at every site."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, size) for size in SHAPE], indexing="ij"))
    volumes = []
    for _ in range(subjects):
        radii = rng.uniform(0.6, 0.95, 3)
        mask = (np.square(grid / radii[:, None, None, None]).sum(axis=0) < 1).astype(np.float32)
        volumes += [mask * rng.normal(size=SHAPE) for _ in range(sites)]
    return torch.tensor(np.stack(volumes), dtype=torch.float32).unsqueeze(1)


def fitted(method, volumes):
    method.ensure_built(DataSpec(SHAPE, ("A", "B"), 10.0))
    method.fit_after_training([{"volume": volumes[:30]}, {"volume": volumes[30:]}], [])
    return method


def test_components_of_the_voxels_are_those_of_the_library():
    volumes = heads(30, 2)
    pca = PCA(8, svd_solver="randomized", random_state=0).fit(volumes.flatten(1).numpy())
    method = fitted(PCAVoxels(8), volumes)
    np.testing.assert_array_equal(method.components.numpy(), pca.components_)
    expected = pca.transform(volumes.flatten(1).numpy())
    np.testing.assert_allclose(method.embed({"volume": volumes}).numpy(), expected, atol=1e-4)


def test_the_mask_alone_finds_travelling_subjects_whatever_is_in_it():
    train, test = heads(40, 1, seed=1), heads(20, 2, seed=2)
    table = pd.DataFrame(
        {"subject_id": np.repeat([f"p{i}" for i in range(20)], 2), "session_id": "1", "site": ["A", "B"] * 20,
         "diagnosis": "CN", "age": 70.0, "sex": "F"}
    )  # fmt: skip
    found = {}
    for method in (MaskPCA(8), PCAVoxels(8)):
        vectors = fitted(method, train).embed({"volume": test}).numpy()
        frame = pd.concat([table, pd.DataFrame(vectors, columns=[f"z{i}" for i in range(8)])], axis=1)
        (found[type(method)],) = scores(scored_scans(frame), EvaluationSettings(bootstrap=0))
    assert found[MaskPCA].value == 1.0
    # The intensities are noise: without the outline there is nobody to find.
    assert found[PCAVoxels].value < 0.3
    assert math.isclose(found[MaskPCA].chance, 1 / 20)


def test_volumes_without_a_background_are_no_masks():
    with pytest.raises(MethodError, match=r"MaskPCA: all 40 training scans .* preprocessing.mask_background"):
        fitted(MaskPCA(8), torch.rand(40, 1, *SHAPE) + 1)


def test_more_components_than_scans_are_refused():
    with pytest.raises(MethodError, match="MaskPCA: ldr_dim 50 is not allowed with 40 training scans"):
        fitted(MaskPCA(50), heads(40, 1))


def test_shading_goes():
    volumes = heads(4, 1)
    shaded = volumes + torch.linspace(-3, 3, SHAPE[0])[:, None, None] * (volumes != 0)
    features = [EqualisedPCA(8).features({"volume": v}) for v in (volumes, shaded)]
    sigma = SMOOTHING * max(SHAPE)
    kept = [masked_smooth(equalise(v[:, 0], v[:, 0] != 0), v[:, 0] != 0, sigma).flatten(1) for v in (volumes, shaded)]
    change, without = ((pair[0] - pair[1]).square().mean() for pair in (features, kept))
    assert change < 0.2 * without


def test_components_in_canonical_form_do_not_know_the_contrast():
    volumes = heads(40, 1)
    method = fitted(CanonicalPCA(8), volumes)
    method.form.shading = 0.0
    brighter = torch.where(volumes != 0, (0.5 * volumes).exp() + 3, 0.0)
    before, after = (method.embed({"volume": volume}) for volume in (volumes, brighter))
    assert (after - before).square().mean() < 1e-3 * before.var(dim=0).mean()

"""Volumes and maps by hand."""

from __future__ import annotations

from dataclasses import replace

import nibabel
import numpy as np
import pytest
import torch

from benchmark.errors import UserError
from benchmark.search.serve.images import Map, difference, drawn, nifti, occlusion, residual, volume_of
from tests.benchmark.search.serve.conftest import Projection


@pytest.fixture
def batches(model, scans):
    return [model.batch_of(scans[row : row + 1]) for row in (0, 5)]


def test_a_volume_is_centred_on_the_origin_at_any_spacing():
    volume = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    image = nibabel.Nifti1Image.from_bytes(nifti(volume, 2.5))
    assert np.array_equal(image.get_fdata(), volume)
    assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
    assert np.allclose(image.affine @ [1, 1.5, 2, 1], [0, 0, 0, 1])
    assert np.allclose(np.linalg.norm(image.affine[:3, :3], axis=0), 2.5)


def test_what_lies_outside_of_a_mask_is_drawn_dark(batches):
    volume = volume_of(batches[0])
    assert (volume == 0).any()
    assert np.array_equal(drawn(batches[0], masked=True) == volume.min(), (volume == 0) | (volume == volume.min()))
    assert np.array_equal(drawn(batches[0], masked=False), volume)


def test_a_scan_does_not_differ_from_itself(batches):
    assert np.array_equal(difference(*batches).values, volume_of(batches[0]) - volume_of(batches[1]))
    same = difference(batches[0], batches[0])
    assert not same.values.any()
    assert same.high == 1


def test_colours_end_where_few_voxels_lie_beyond():
    values = np.r_[np.zeros(1000), np.linspace(-1, 1, 2001)].astype(np.float32)
    assert Map(values, "").high == pytest.approx(0.995, abs=1e-4)


def test_a_method_without_a_decoder_has_no_residual(model, batches):
    class Blind(Projection):
        def reconstruct(self, batch, ldr):
            return None

    module = Blind()
    module.ensure_built(model.model.spec)
    with pytest.raises(UserError, match="the method does not reconstruct"):
        residual(replace(model, model=module), batches[0])


def test_only_the_cube_that_carries_the_ldr_shows_in_the_occlusion(model, batches):
    # An LDR of one cube of two voxels an edge: the grid of 12 × 14 × 12 is cut into cubes of three.
    cube = (slice(6, 9), slice(6, 9), slice(6, 9))
    weights = torch.zeros(*volume_of(batches[0]).shape, 4)
    weights[cube] = torch.randn(3, 3, 3, 4, generator=torch.Generator().manual_seed(0))
    module = Projection()
    module.ensure_built(model.model.spec)
    module.weights.data = weights.flatten(0, 2)
    model = replace(model, model=module, centre=np.ones(4, np.float32))
    query, hit = (model.embedded(batch)[0] for batch in batches)
    shares = []
    found = occlusion(model, batches[0], hit, shares.append).values
    away = [each - 1 for each in (query, hit, np.zeros(4))]
    one, two, none = (each / np.linalg.norm(each) for each in away)
    assert np.allclose(found[cube], one @ two - none @ two, atol=1e-5)
    rest = found.copy()
    rest[cube] = 0
    assert np.allclose(rest, 0, atol=1e-6)
    assert shares == sorted(shares)
    assert 0 == shares[0] < shares[-1] < 1

"""PL-SE-ADA: its reconstruction is the sum of an anatomy and a style."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import MockData
from benchmark.train.tracking.images import picture
from seada.pl_seada import PLSEADA


@pytest.fixture
def built():
    torch.manual_seed(0)
    data = MockData()
    model = PLSEADA(width=8, ldr_dim=6)
    model.ensure_built(data.spec)
    model.eval()
    return model, data.batch(data.rows("train")[:4])


def test_the_reconstruction_is_the_sum_of_its_parts(built):
    model, batch = built
    ldr = model.embed(batch)
    parts = model.summands(batch, ldr)
    torch.testing.assert_close(sum(parts.values()), model.reconstruct(batch, ldr))
    # What the style adds follows from how a scan looks, and not from its LDR.
    other = model.summands(batch, ldr.flip(0))
    torch.testing.assert_close(other["f_D(z_d)"], parts["f_D(z_d)"])
    assert not torch.allclose(other["f_D(z_u)"], parts["f_D(z_u)"])


def test_nothing_but_the_reconstruction_trains_the_affine_map_and_nothing_of_it_the_style_code(built):
    model, batch = built
    style = model.style_code(batch)
    model.decode(model.embed(batch), style).square().mean().backward()
    assert model.expand.weight.grad.abs().max() > 0
    assert model.style.code.weight.grad is None


def test_blocks_whose_reconstruction_is_no_such_sum_are_refused():
    with pytest.raises(MethodError, match="not allowed with PLSEADA"):
        PLSEADA(blocks=BuildingBlocks(components=64)).ensure_built(MockData().spec)


def test_summands_have_a_row_and_a_grey_scale_of_their_own():
    ramp = np.linspace(0, 1, 4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    small = picture(np.stack([ramp, ramp, ramp, 0.01 * ramp]))
    pair = picture(np.stack([ramp, ramp]))
    height = len(pair) // 2
    assert small.shape == (4 * height, pair.shape[1])
    np.testing.assert_array_equal(small[: 2 * height], pair)
    # A hundredth as bright, and seen as well.
    assert np.abs(small[2 * height : 3 * height].astype(int) - small[3 * height :]).max() <= 1

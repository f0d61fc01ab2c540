import pytest
import torch

from benchmark.methods.encoder import Encoder, bottom_shape, channels_of
from benchmark.methods.errors import MethodError


@pytest.mark.parametrize(("shape", "levels"), [((16, 24, 16), 2), ((16, 24, 16), 3), ((32, 48, 32), 4)])
def test_any_grid_that_halves_evenly_becomes_one_vector(shape, levels):
    encoder = Encoder(shape, ldr_dim=5, width=4, levels=levels)
    assert encoder(torch.randn(2, 1, *shape)).shape == (2, 5)


def test_a_grid_that_does_not_halve_evenly_is_named():
    with pytest.raises(MethodError, match=r"\(16, 20, 16\) does not fit .* multiple of 8 \(2\*\*levels, levels=3\)"):
        bottom_shape((16, 20, 16), 3)


def test_width_must_suit_the_normalisation():
    with pytest.raises(MethodError, match="width: 6 is not allowed; it must be a positive multiple of 4"):
        channels_of(6, 3)
    assert channels_of(8, 4) == [8, 8, 16, 32]


def test_a_scan_is_embedded_the_same_in_any_batch():
    torch.manual_seed(0)
    encoder = Encoder((16, 16, 16), 4, 4, 2)
    volumes = torch.randn(3, 1, 16, 16, 16)
    assert torch.allclose(encoder(volumes)[1:2], encoder(volumes[1:2]), atol=1e-6)

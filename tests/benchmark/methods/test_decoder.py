import torch

from benchmark.methods.decoder import Decoder, FiLM


def test_the_decoder_gives_back_the_grid():
    decoder = Decoder((16, 24, 16), ldr_dim=5, width=4, levels=3)
    assert decoder(torch.randn(2, 5)).shape == (2, 1, 16, 24, 16)


def test_film_is_the_identity_before_training_and_scales_and_shifts_after():
    film = FiLM(style_dim=1, channels=1)
    features, style = torch.randn(1, 1, 2, 2, 2), torch.tensor([[2.0]])
    assert torch.equal(film(features, style), features)
    with torch.no_grad():
        film.affine.weight.copy_(torch.tensor([[0.5], [3.0]]))
    # scale 1 + 0.5 * 2 = 2, shift 3 * 2 = 6
    assert torch.allclose(film(features, style), 2 * features + 6)


def test_the_style_reaches_the_volume():
    torch.manual_seed(0)
    decoder = Decoder((16, 16, 16), 4, 4, 2, style_dim=3)
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    ldr = torch.randn(1, 4)
    assert not torch.allclose(decoder(ldr, torch.zeros(1, 3)), decoder(ldr, torch.ones(1, 3)))

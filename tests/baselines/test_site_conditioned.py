"""Decoders that are told the site: codes, losses, and LDRs that need not hold it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from torch.nn import functional

from baselines.autoencoder import Autoencoder
from baselines.cvae import CVAE, kl_from_standard_normal
from baselines.fader import Fader, fader_loss
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.conformance import check_method
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import SITES, MockData
from tests.toy_sites import anatomy_explained, between_sites, trained

EVERYTHING = BuildingBlocks(components=24, view_weight=1.0, erase="transductive", image_metric=True)
METHODS = (CVAE, Fader)


@pytest.fixture(scope="module", params=METHODS)
def built(request):
    model = request.param(ldr_dim=4, width=4, levels=2)
    model.build(MockData().spec)
    return model


def test_codes_are_one_hot_and_their_mean_for_an_unseen_site(built):
    batch = {"site": torch.tensor([2, 0, len(SITES)]), "volume": torch.zeros(3)}
    assert built.style_code(batch).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0.25] * 4]
    assert "unseen site take the mean" in built.notes()["site code"]


def test_reconstructions_are_of_the_site_and_ldrs_are_not():
    model, data = trained(CVAE, epochs=1)
    batch = data.batch(data.rows("test")[:4])
    other = {**batch, "site": (batch["site"] + 1) % len(SITES)}
    ldr = model.embed(batch)
    assert torch.equal(ldr, model.embed(other))
    assert (model.reconstruct(batch, ldr) - model.reconstruct(other, ldr)).abs().max() > 1e-3


@pytest.mark.parametrize(("mean", "log_variance"), [(0.0, 0.0), (1.5, -1.0), (-0.3, 0.7)])
def test_divergence_is_the_integral(mean, log_variance):
    density, prior = norm(mean, np.exp(log_variance / 2)), norm()
    expected = quad(lambda x: density.pdf(x) * (density.logpdf(x) - prior.logpdf(x)), -15, 15)[0]
    found = kl_from_standard_normal(torch.full((3, 2), mean), torch.full((3, 2), log_variance))
    np.testing.assert_allclose(found.numpy(), 2 * expected, atol=1e-5)


def test_draws_are_of_the_scan_and_the_epoch_alone():
    model = CVAE(ldr_dim=5)
    rows = torch.tensor([7, 3, 9])
    noise = model._noise({"index": rows}, torch.zeros(3, 5))
    assert torch.equal(model._noise({"index": rows[1:]}, torch.zeros(2, 5)), noise[1:])
    many = model._noise({"index": torch.arange(2_000)}, torch.zeros(2_000, 5))
    assert torch.cov(many.T).numpy() == pytest.approx(np.eye(5), abs=0.1)


def test_loss_of_the_encoder_is_that_of_the_paper():
    logits, sites = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2])
    right = functional.softmax(logits, dim=1)[torch.arange(6), sites]
    torch.testing.assert_close(fader_loss(logits, sites), -torch.log(1 - right).mean())
    sure = torch.tensor([[100.0, 0.0]])
    assert fader_loss(sure, torch.tensor([0])).item() == pytest.approx(100)
    assert fader_loss(sure, torch.tensor([1])).item() == pytest.approx(0)


def test_no_loss_of_the_fader_network_reaches_the_other_side():
    class Parts(Fader):
        """Keeps gradients of the classifier and of the encoder in the last step, and the losses without each other."""

        def on_after_backward(self):
            for name in ("classifier", "encoder"):
                got[name] = [weight.grad.clone() for weight in getattr(self, name).parameters()]

    gradients = []
    for weight in (0.0, 5.0):
        got = {}
        # Without steps of its own the encoder is the same in both.
        trained(partial(Parts, adversarial_weight=weight), epochs=2, learning_rate=0.0)
        gradients.append(got)
    for name, same in (("classifier", True), ("encoder", False)):
        pairs = zip(gradients[0][name], gradients[1][name], strict=True)
        assert all(torch.equal(one, other) for one, other in pairs) is same
        assert any(weight.any() for weight in gradients[0][name])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "rate"), [(partial(CVAE, kl_weight=0.1), 1e-2), (partial(Fader, adversarial_weight=0.1), 4e-3)]
)
def test_training_takes_an_offset_of_intensity_out_and_keeps_the_subject(method, rate):
    plain, free = trained(Autoencoder, 60, rate), trained(method, 60, rate)
    assert between_sites(*free) < between_sites(*plain) / 2
    assert anatomy_explained(*free) > 0.7


@pytest.mark.parametrize("method", METHODS)
def test_building_blocks_work_with_each(method):
    assert check_method(lambda: method(ldr_dim=12, width=4, blocks=EVERYTHING), processes=1) == []


@pytest.mark.parametrize(
    ("method", "name"), [(CVAE, "kl_weight"), (Fader, "adversarial_weight"), (Fader, "memory_batches")]
)
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_negative_settings_are_refused(method, name, value):
    with pytest.raises(MethodError, match=f"{name}: {value} is not allowed; it must be at least 0"):
        method(**{name: value})

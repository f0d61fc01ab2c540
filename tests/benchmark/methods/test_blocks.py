"""Building blocks do what they say in any autoencoding method."""

from __future__ import annotations

import math

import pytest
import torch
from lightning import Trainer, seed_everything

from baselines.autoencoder import Autoencoder
from baselines.dann import DANN
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.conformance import check_method
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import SITES, MockData
from benchmark.methods.views import Views
from seada.seada import SEADA

NO_VIEWS = Views(contrast=0, bias=0, resolution=0, noise=0, registration=0, gradient=0, mask=0)
EVERYTHING = BuildingBlocks(components=24, view_weight=1.0, erase="transductive", image_metric=True)
SMALL = {"ldr_dim": 12, "width": 4}


def trained(blocks, method=Autoencoder, epochs=1, **settings):
    seed_everything(0, verbose=False)
    model, data = method(**SMALL, blocks=blocks, **settings), MockData()
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, datamodule=data)
    model.eval()
    with torch.no_grad():
        model.use_average()
        model.fit_after_training(data.split_dataloader("train"), data.split_dataloader("unseen"))
    return model, data


@pytest.mark.parametrize("method", [Autoencoder, DANN, SEADA])
def test_every_autoencoding_method_may_have_all_of_them(method):
    assert check_method(lambda: method(**SMALL, blocks=EVERYTHING), processes=1) == []


def test_without_a_network_the_path_is_all_there_is():
    blocks = BuildingBlocks(components=24, network=False)
    model, data = trained(blocks)
    assert not [name for name, _ in model.named_parameters() if not name.startswith("path.")]
    batch = data.batch(data.rows("test")[:4])
    ldr = model.embed(batch)
    assert ldr.shape == (4, 12)
    torch.testing.assert_close(model.reconstruct(batch, ldr), model.path.volume(ldr))


def test_training_begins_with_the_path_alone():
    model, data = trained(BuildingBlocks(components=24), epochs=1, learning_rate=0.0)
    volume = data.batch(data.rows("test"))["volume"]
    torch.testing.assert_close(model.encode(volume), model.path.ldr(volume))


def test_views_are_weighed_as_a_share_of_the_variance_whatever_the_scale():
    model, data = trained(BuildingBlocks(view_weight=1.0))
    batch = data.batch(data.rows("train"))
    before = model.encode_with_views(batch)[1].detach()
    with torch.no_grad():
        model.encoder.head.weight.mul_(100)
        model.encoder.head.bias.mul_(100)
    torch.testing.assert_close(model.encode_with_views(batch)[1].detach(), before, rtol=1e-4, atol=1e-6)
    assert before > 0


def test_views_that_change_nothing_cost_nothing():
    model, data = trained(BuildingBlocks(view_weight=1.0, views=NO_VIEWS))
    batch = data.batch(data.rows("train"))
    # As preprocessing leaves volumes; mock ones are not normalised.
    inside = batch["volume"] != 0
    for volume, mask in zip(batch["volume"], inside, strict=True):
        volume[mask] = (volume[mask] - volume[mask].mean()) / volume[mask].std()
    assert model.encode_with_views(batch)[1] < 1e-3 * model.volume_variance


def test_the_variance_of_volumes_is_that_of_the_training_scans():
    model, data = trained(BuildingBlocks(view_weight=1.0))
    volumes = data.batch(data.rows("train"))["volume"]
    torch.testing.assert_close(model.volume_variance, volumes.var(dim=0).mean())


@pytest.mark.parametrize("method", [Autoencoder, SEADA])
def test_the_site_is_erased_from_training_scans(method):
    model, data = trained(EVERYTHING, method)
    batch = data.batch(torch.cat([data.rows("train"), data.rows("unseen")]))
    with torch.no_grad():
        ldr = model.embed(batch)
    assert ldr.shape[1] == 12 - len(SITES)
    # At equal age and sex: no site has an effect beside them.
    known = torch.stack([batch["age"], batch["sex"]], dim=1)
    design = torch.cat([torch.nn.functional.one_hot(batch["site"]).float(), known - known.mean(dim=0)], dim=1)
    effects = torch.linalg.lstsq(design.double(), ldr.double()).solution[: len(SITES) + 1]
    assert (effects - effects.mean(dim=0)).abs().max() < 1e-3 * ldr.std(dim=0).max()


def test_scans_of_a_held_out_site_are_looked_at_only_where_the_blocks_say_so():
    means = {}
    for erase in ("site", "transductive"):
        model, data = trained(BuildingBlocks(components=24, erase=erase))
        assert ("transductive" in model.notes()) == (erase == "transductive")
        seen, unseen = (model.embed(data.batch(data.rows(split))) for split in ("train", "unseen"))
        means[erase] = ((unseen.mean(dim=0) - seen.mean(dim=0)) / seen.std(dim=0)).norm()
    assert means["transductive"] < means["site"] / 2


def test_pictures_of_reconstructions_are_made_before_anything_is_erased_and_after():
    model, data = trained(EVERYTHING, SEADA)
    batch = data.batch(data.rows("test")[:2])
    with torch.no_grad():
        after = model.reconstruct(batch, model.embed(batch))
        model.freed.free.zero_()
        before = model.reconstruct(batch, model.embed_in_training(batch))
    assert before.shape == after.shape == batch["volume"].shape
    assert torch.corrcoef(torch.stack([before.flatten(), after.flatten()]))[0, 1] > 0.5


def test_more_sites_than_dimensions_are_refused():
    with pytest.raises(MethodError, match=r"ldr_dim: 4 is not allowed with blocks.erase and 4 training sites"):
        Autoencoder(ldr_dim=4, width=4, blocks=BuildingBlocks(erase="site")).build(MockData().spec)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"components": -1}, "blocks.components: -1 is not allowed; it must be at least 0"),
        ({"view_weight": math.nan}, "blocks.view_weight: nan is not allowed; it must be at least 0"),
        ({"view_weight": -0.5}, "blocks.view_weight: -0.5 is not allowed"),
        ({"network": False}, "blocks.network: false is not allowed without blocks.components"),
        ({"image_metric": True, "erase": "site"}, "blocks.image_metric: true is not allowed; it needs"),
        ({"image_metric": True, "components": 8}, "blocks.image_metric: true is not allowed; it needs"),
    ],
)
def test_errors_are_for_the_user(settings, message):
    with pytest.raises(MethodError, match=message):
        BuildingBlocks(**settings)

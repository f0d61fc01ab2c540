"""SE-ADA on equalised volumes: its LDR does not know what a scan can be rid of, its reconstruction does."""

from __future__ import annotations

import pytest
import torch
from lightning import Trainer, seed_everything

from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.equalisation import deshaded, equalise
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import MockData
from seada.equalised import EqualisedSEADA

BLOCKS = BuildingBlocks(components=24, view_weight=1.0, erase="site", image_metric=True)


def trained(epochs=1, blocks=BLOCKS, **settings):
    seed_everything(0, verbose=False)
    data = MockData()
    model = EqualisedSEADA(ldr_dim=12, width=4, blocks=blocks, adversarial_weight=0.0, **settings)
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, datamodule=data)
    model.eval()
    with torch.no_grad():
        model.use_average()
        model.fit_after_training(data.split_dataloader("train"), [])
    return model, data


def move(model, data, change):
    """How far LDRs move with a change of the volumes, relative to their spread."""
    batch = data.batch(data.rows("test"))
    volume = batch["volume"]
    with torch.no_grad():
        before = model.embed(batch)
        after = model.embed({**batch, "volume": torch.where(volume != 0, change(volume), 0.0)})
    return float((after - before).square().mean() / before.var(dim=0).mean())


def brighter(volume):
    return (0.5 * volume).exp() + 3


def test_no_contrast_reaches_the_ldr():
    assert move(*trained(shading=0.0), brighter) < 1e-3
    assert move(*trained(shading=0.0, equalised=False), brighter) > 0.1


def test_encoder_and_path_see_the_same_volumes_without_shading():
    model, data = trained()
    volume = data.batch(data.rows("test"))["volume"]
    seen = model.encoder[0](volume)
    torch.testing.assert_close(model.path.before(volume), seen)
    # 20 mm are two and a half voxels of 8 mm.
    values = deshaded(volume[:, 0], volume[:, 0] != 0, 2.5)
    torch.testing.assert_close(seen[:, 0], equalise(values, volume[:, 0] != 0) * 12**0.5)
    assert seen[:, 0][volume[:, 0] != 0].std() == pytest.approx(1, abs=0.02)


def test_the_path_begins_with_the_best_linear_reconstruction_of_the_volumes_as_they_are():
    model, data = trained(learning_rate=0.0)
    volumes = data.batch(data.rows("train"))["volume"]
    with torch.no_grad():
        ldr, scores = model.path.ldr(volumes), model.path.images.scores(volumes)
        found = model.path.images.outwards(ldr - ldr.mean(dim=0))
    # No residual of a least-squares fit is seen by what it was fitted to.
    residual = scores - scores.mean(dim=0) - found
    assert (ldr.T @ residual).abs().max() < 1e-2
    assert residual.square().mean() < 0.5 * scores.var(dim=0).mean()
    torch.testing.assert_close(model.path.volume(ldr), model.path.images.volume(ldr))


def test_what_is_fitted_before_the_first_step_is_not_fitted_again():
    model, data = trained()
    before = {name: value.clone() for name, value in model.path.state_dict().items()}
    model.path.images.fit = model.path.regress = None
    Trainer(max_epochs=0, accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False).fit(
        model, datamodule=data
    )
    assert all(torch.equal(value, before[name]) for name, value in model.path.state_dict().items())


@pytest.mark.parametrize("blocks", [BuildingBlocks(), BuildingBlocks(components=24, network=False)])
def test_encoder_or_path_may_be_missing(blocks):
    model, data = trained(blocks=blocks)
    assert move(model, data, lambda volume: 2 * volume + 1) < 1e-3
    batch = data.batch(data.rows("test"))
    assert model.reconstruct(batch, model.embed(batch)).shape == batch["volume"].shape


def test_a_negative_width_is_refused():
    with pytest.raises(MethodError, match="shading: -1.0 is not allowed"):
        EqualisedSEADA(shading=-1.0)

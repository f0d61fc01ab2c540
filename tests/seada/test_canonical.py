"""SE-ADA on volumes in canonical form: its LDR does not know what a scan can be rid of, its reconstruction does."""

from __future__ import annotations

import pytest
import torch
from lightning import Trainer, seed_everything

from benchmark.methods.alignment import moved_by
from benchmark.methods.blocks import BuildingBlocks
from benchmark.methods.equalisation import deshaded, equalise
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import MockData
from seada.canonical import CanonicalSEADA

BLOCKS = BuildingBlocks(components=24, view_weight=1.0, erase="site", image_metric=True)


def trained(epochs=1, blocks=BLOCKS, **settings):
    seed_everything(0, verbose=False)
    data = MockData()
    model = CanonicalSEADA(ldr_dim=12, width=4, blocks=blocks, adversarial_weight=0.0, **settings)
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
    assert move(*trained(shading=0.0, ranks=False), brighter) > 0.1


def test_little_of_a_shift_reaches_the_ldr():
    # Of a fifth of a voxel, on a grid that is coarse for the mock's brains.
    motion = torch.zeros(1, 3, 4)
    motion[0, 1, 0] = 1.6

    def shifted(volume):
        return moved_by(motion.expand(len(volume), 3, 4), volume, MockData().spec.spacing)

    assert move(*trained(), shifted) < 0.6 * move(*trained(aligned=False), shifted)


def test_encoder_and_path_see_the_same_volumes():
    model, data = trained(aligned=False)
    volume = data.batch(data.rows("test"))["volume"]
    given = []
    model.encoder.register_forward_pre_hook(lambda _, inputs: given.extend(inputs))
    with torch.no_grad():
        latent = model.encode(volume)
    (seen,), mask = given, volume[:, 0] != 0
    # The path finds the form of a volume by itself where it is asked alone.
    torch.testing.assert_close(latent, model.path.ldr(volume) + model.encoder(seen))
    seen = seen[:, 0]
    # 20 mm are two and a half voxels of 8 mm.
    values = deshaded(volume[:, 0], mask, 2.5)
    torch.testing.assert_close(seen[mask], (equalise(values, mask) * 12**0.5)[mask])
    assert seen[mask].std() == pytest.approx(1, abs=0.02)


def test_what_a_mask_cuts_off_is_filled_with_the_mean_of_the_scans_that_show_it():
    model, data = trained(aligned=False)
    volumes = data.batch(data.rows("train"))["volume"]
    kept = volumes.clone()
    kept[:, :, :5] = 0
    form = model.form
    torch.testing.assert_close(form(kept)[:, 0, :5], form.mean[:5].expand(len(kept), -1, -1, -1))
    values = form(volumes)[:, 0]
    shown = (volumes[:, 0] != 0).double()
    mean = (values * shown).sum(dim=0) / shown.sum(dim=0).clamp_min(1)
    torch.testing.assert_close(form.mean, mean.float(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(form.shown, shown.mean(dim=0).float())
    left, _ = trained(aligned=False, filled=False)
    assert not left.form(kept)[:, 0, :5].any()


def test_the_mean_of_aligned_scans_is_sharper():
    sharpness = {}
    for aligned in (False, True):
        model, _ = trained(aligned=aligned, blocks=BuildingBlocks())
        sharpness[aligned] = (model.form.mean * (model.form.shown > 0.9)).var()
    assert sharpness[True] > 1.02 * sharpness[False]


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
    model.form.fit = model.path.images.fit = model.path.regress = None
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
        CanonicalSEADA(shading=-1.0).ensure_built(MockData().spec)

"""Unlearning takes the site out of the LDR and leaves the age in it."""

from __future__ import annotations

import math

import pytest
import torch
from lightning import Trainer, seed_everything
from sklearn.linear_model import LogisticRegression, Ridge

from baselines.unlearning import Unlearning
from benchmark.methods.errors import MethodError
from benchmark.methods.mock_data import SHAPE, SITES, MockData


def volumes(site, age, seed):
    """Noise with one pattern by age and another by site, an offset of it."""
    x, y, _ = torch.meshgrid(*(torch.linspace(-1, 1, size) for size in SHAPE), indexing="ij")
    noise = torch.randn(len(site), *SHAPE, generator=torch.Generator().manual_seed(seed))
    pattern = torch.einsum("s,xyz->sxyz", (age - 70) / 6, x) + torch.einsum("s,xyz->sxyz", site - 1.5, y)
    return (pattern + noise).unsqueeze(1)


class Toy(MockData):
    """Scans of which every pattern is known; one age in eight is not."""

    def __init__(self):
        super().__init__()
        self.fields["volume"] = volumes(self.fields["site"], self.fields["age"], 0)
        self.fields["age"][::8] = torch.nan


def trained(data, epochs, **settings):
    seed_everything(0, verbose=False)
    model = Unlearning(ldr_dim=8, width=4, levels=2, **settings)
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, datamodule=data)
    model.use_average()
    return model.eval(), trainer.callback_metrics


@torch.no_grad()
def probes(model):
    """Share of sites that a fresh linear probe names (chance 1 in 4), and R² of one of age, on new scans."""
    site = torch.arange(400) % len(SITES)
    age = 60 + 20 * torch.rand(400, generator=torch.Generator().manual_seed(1))
    ldr = model.encode(volumes(site, age, 2))
    ldr = ((ldr - ldr.mean(dim=0)) / ldr.std(dim=0)).numpy()
    fit, score = slice(0, 200), slice(200, 400)
    named = LogisticRegression(max_iter=1000).fit(ldr[fit], site[fit]).score(ldr[score], site[score])
    return named, Ridge().fit(ldr[fit], age[fit]).score(ldr[score], age[score])


def test_the_site_goes_and_the_age_stays():
    data = Toy()
    before, after = (probes(trained(data, 20, first_stage=share)[0]) for share in (1.0, 1 / 3))
    assert before[0] > 0.6
    assert after[0] < before[0] - 0.1
    assert min(before[1], after[1]) > 0.9


def test_nothing_is_confused_in_the_first_stage():
    losses = [trained(Toy(), 1, first_stage=share)[1]["train/confusion"].item() for share in (1.0, 0.0)]
    assert losses[0] == 0
    assert losses[1] > math.log(len(SITES))


def test_ages_are_measured_by_those_of_the_training_scans():
    data = Toy()
    model, _ = trained(data, 0)
    ages = data.fields["age"][data.rows("train")]
    ages = ages[~ages.isnan()]
    assert model.age_mean.item() == pytest.approx(ages.mean().item())
    assert model.age_deviation.item() == pytest.approx(ages.std(correction=0).item())


def test_age_is_needed_and_the_stage_is_a_share():
    data = Toy()
    data.fields["age"][:] = torch.nan
    with pytest.raises(MethodError, match="Unlearning: no training scan has an age, which is its task"):
        trained(data, 1)
    with pytest.raises(MethodError, match=r"first_stage: 2 is not allowed; it must be a share of training in \[0, 1\]"):
        Unlearning(first_stage=2)

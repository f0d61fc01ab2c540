"""What a method says of a batch."""

from __future__ import annotations

import pytest
import torch
from lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader

from benchmark.methods.image_quality import reconstruction_quality
from benchmark.methods.representation import RepresentationModule
from benchmark.methods.schedules import cosine


class Halving(RepresentationModule):
    """Reconstructs volumes at half their size, and counts how many."""

    decoded = 0

    def build(self, spec):
        """There is nothing to build."""

    def embed(self, batch):
        return batch["volume"].flatten(1)[:, :2]

    def reconstruct(self, batch, ldr):
        self.decoded += len(ldr)
        return batch["volume"] / 2


class Fitted(RepresentationModule):
    """One weight, any optimiser and scheduler; notes the rate of every step."""

    def __init__(self, optimizer, scheduler=None):
        super().__init__()
        self.optimizer, self.scheduler, self.rates = optimizer, scheduler, []

    def build(self, spec):
        """Built below: there is no datamodule."""

    def configure_model(self):
        self.weight = nn.Parameter(torch.ones(2))

    def embed(self, batch):
        return self.weight

    def training_step(self, batch, batch_idx):
        self.rates.append(self.optimizers(use_pl_optimizer=False).param_groups[0]["lr"])
        return self.weight.square().sum()

    def configure_optimizers(self):
        made = self.optimizer([self.weight], lr=0.1)
        return made if self.scheduler is None else ([made], [self.scheduler(made)])


def rates(model):
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, DataLoader(torch.zeros(4, 1), batch_size=1))
    return model.rates


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW, torch.optim.RMSprop])
def test_any_optimiser_follows_the_cosine(optimizer):
    assert rates(Fitted(optimizer)) == pytest.approx([0.1 * cosine(step / 8) for step in range(8)])


def test_a_scheduler_of_the_method_is_left_alone():
    halved = rates(Fitted(torch.optim.SGD, lambda made: torch.optim.lr_scheduler.StepLR(made, 1, 0.5)))
    assert halved == pytest.approx([0.1] * 4 + [0.05] * 4)


@pytest.fixture
def batch():
    volume = torch.rand(4, 1, 8, 8, 8, generator=torch.Generator().manual_seed(0)) + 0.5
    return {"volume": volume, "index": torch.arange(4)}


def test_only_scored_scans_are_reconstructed(batch):
    method = Halving()
    batch["scored"] = torch.tensor([False, True, False, True])
    quality = method.predict_step(batch, 0)["quality"]
    assert method.decoded == 2
    assert torch.isnan(quality[[0, 2]]).all()
    expected = reconstruction_quality(batch["volume"] / 2, batch["volume"])
    torch.testing.assert_close(quality[[1, 3]], expected[[1, 3]])


def test_a_batch_without_a_scored_scan_has_the_same_columns(batch):
    batch["scored"] = torch.zeros(4, dtype=torch.bool)
    assert torch.isnan(Halving().predict_step(batch, 0)["quality"]).all()


def test_without_a_word_on_it_every_scan_is_scored(batch):
    assert torch.isfinite(Halving().predict_step(batch, 0)["quality"]).all()

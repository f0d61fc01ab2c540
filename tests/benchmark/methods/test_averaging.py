"""Averaged weights: by hand, through a checkpoint, and in a training of Lightning's."""

from __future__ import annotations

import logging

import pytest
import torch
from lightning import Trainer
from torch import nn
from torch.utils.data import DataLoader

from benchmark.methods.averaging import WeightAverage
from benchmark.methods.compute import Compute
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import RepresentationModule


def set_weights(module, value):
    with torch.no_grad():
        module.weight.fill_(value)
        module.running_mean.fill_(10 * value)
        module.num_batches_tracked.fill_(int(value))


def test_mean_of_parameters_and_buffers_by_hand():
    module, average = nn.BatchNorm1d(2), WeightAverage()
    for value in (1.0, 2.0, 6.0):
        set_weights(module, value)
        average.update(module)
    average.apply(module)
    # (1 + 2 + 6) / 3; what is counted is no weight and stays as it was.
    assert module.weight.tolist() == pytest.approx([3, 3])
    assert module.running_mean.tolist() == pytest.approx([30, 30])
    assert module.num_batches_tracked.item() == 6
    assert average.state() == {}


def test_nothing_averaged_changes_nothing():
    module, average = nn.Linear(2, 2), WeightAverage()
    before = module.weight.clone()
    average.apply(module)
    assert torch.equal(module.weight, before)


def test_later_changes_of_the_weights_are_not_in_the_mean():
    module, average = nn.BatchNorm1d(1), WeightAverage()
    set_weights(module, 4.0)
    average.update(module)
    set_weights(module, 5.0)
    average.apply(module)
    assert module.weight.item() == 4


def test_a_mean_goes_through_a_checkpoint(tmp_path):
    torch.manual_seed(0)
    module, average, resumed = nn.Linear(3, 3), WeightAverage(), WeightAverage()
    draws = torch.randn(5, 3, 3)
    for one, draw in enumerate(draws):
        with torch.no_grad():
            module.weight.copy_(draw)
        average.update(module)
        if one >= 2:
            resumed.update(module)
        if one == 1:
            torch.save(average.state(), tmp_path / "state")
            resumed.load_state(torch.load(tmp_path / "state", weights_only=True))
    other = nn.Linear(3, 3)
    average.apply(module)
    resumed.apply(other)
    assert torch.equal(module.weight, other.weight)
    assert torch.allclose(module.weight, draws.mean(dim=0))


class Counting(RepresentationModule):
    """One weight that is the number of steps taken."""

    def build(self, spec):
        raise NotImplementedError

    def embed(self, batch):
        raise NotImplementedError

    def configure_model(self):
        self.steps = nn.Parameter(torch.zeros(()))

    def training_step(self, batch, batch_idx):
        return -self.steps

    def configure_optimizers(self):
        return torch.optim.SGD([self.steps], lr=1.0)

    def on_train_batch_start(self, batch, batch_idx):
        super().on_train_batch_start(batch, batch_idx)
        self.optimizers(use_pl_optimizer=False).param_groups[0]["lr"] = 1.0


def trained(average_from, accumulate=1):
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    model = Counting(average_from=average_from)
    model.compute = Compute(accumulate=accumulate)
    trainer = Trainer(
        max_epochs=5, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, accumulate_grad_batches=accumulate,
    )  # fmt: skip
    trainer.fit(model, DataLoader(torch.zeros(4, 1), batch_size=1))
    assert model.steps.item() == 20 // accumulate
    model.use_average()
    return model.steps.item()


@pytest.mark.parametrize(
    ("average_from", "accumulate", "expected"),
    [
        (1.0, 1, 20),  # the last step's
        (0.6, 1, (13 + 20) / 2),  # five epochs of four steps: from the first batch of epoch 3, steps 13 to 20
        (0.0, 1, (1 + 20) / 2),
        (0.6, 2, (7 + 10) / 2),  # two batches a step: steps 7 to 10, each once
    ],
)
def test_steps_that_are_averaged(average_from, accumulate, expected):
    assert trained(average_from, accumulate) == pytest.approx(expected)


@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_a_share_out_of_range(value):
    with pytest.raises(MethodError, match="average_from: .* must be a share of training in"):
        Counting(average_from=value)

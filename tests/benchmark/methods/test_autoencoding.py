import math

import pytest
import torch
from lightning import Trainer

from benchmark.methods.autoencoding import AutoencodingModule, spectrum
from benchmark.methods.mock_data import MockData


def test_spectrum_of_a_line_and_of_a_ball():
    line = torch.arange(10.0)[:, None] * torch.tensor([[1.0, 2.0, 3.0]])
    rank, share = spectrum(line)
    assert rank.item() == pytest.approx(1, abs=1e-3)
    assert share.item() == pytest.approx(1, abs=1e-5)
    cross = torch.cat([torch.eye(3), -torch.eye(3)])
    rank, share = spectrum(cross)
    assert rank.item() == pytest.approx(3, abs=1e-4)
    assert share.item() == pytest.approx(1 / 3, abs=1e-5)


def test_spectrum_by_hand():
    # Variances 9 : 1, shares 0.9 and 0.1: exp(-(0.9 ln 0.9 + 0.1 ln 0.1)) = exp(0.32508)
    points = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    rank, share = spectrum(points)
    assert rank.item() == pytest.approx(math.exp(0.32508), abs=1e-3)
    assert share.item() == pytest.approx(0.9, abs=1e-5)


class Logging(AutoencodingModule):
    """Logs two losses by ``log_losses``, and by Lightning's own means."""

    def training_step(self, batch, batch_idx):
        ldr = self.encoder(batch["volume"])
        losses = {"square": ldr.square().mean(), "half": ldr.abs().mean().bfloat16()}
        self.log_losses(batch, ldr, **losses)
        by_lightning = {f"lightning/{name}": loss.detach() for name, loss in losses.items()}
        self.log_dict(by_lightning, on_step=False, on_epoch=True, batch_size=len(ldr))
        return losses["square"]

    def configure_optimizers(self):
        return self.adam(self.parameters(), self.learning_rate)


def test_mean_losses_of_an_epoch_are_those_that_lightning_computes(tmp_path):
    trainer = Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    torch.manual_seed(0)
    trainer.fit(Logging(width=4), datamodule=MockData())
    logged = trainer.callback_metrics
    for name in ("square", "half"):
        assert torch.equal(logged[f"train/{name}"], logged[f"lightning/{name}"])
    assert logged["train/square"] != logged["train/half"]

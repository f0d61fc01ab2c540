"""Self-supervised methods learn on mock data what two views of a scan have in common."""

from __future__ import annotations

import pytest
import torch
from lightning import Trainer, seed_everything

from baselines.simclr import SimCLR
from baselines.vicreg import VICReg
from benchmark.methods.mock_data import MockData
from benchmark.methods.views import Views

STRONG = Views(contrast=3.0, bias=3.0)
SMALL = {"ldr_dim": 8, "width": 4, "levels": 2}


def trained(method, epochs, **settings):
    """A method after some epochs on mock data, its data, and what it logged last."""
    seed_everything(0, verbose=False)
    model, data = method(**SMALL, **settings), MockData()
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, datamodule=data)
    return model, data, trainer.callback_metrics


@torch.no_grad()
def share_of_views(model, data):
    """Variance of test LDRs between views of a scan, as a share of that between scans."""
    batch = data.batch(data.rows("test")[:12])
    draws = [STRONG.of(batch["volume"], batch["index"], 99 + draw, 7, data.spec.spacing) for draw in range(8)]
    ldrs = torch.stack([model.embed({**batch, "volume": volume}) for volume in draws])
    return (ldrs.var(dim=0).sum() / ldrs.mean(dim=0).var(dim=0).sum()).item()


@pytest.mark.parametrize("method", [SimCLR, VICReg])
def test_training_takes_what_differs_between_views_out_of_the_ldr(method):
    before, after = (share_of_views(*trained(method, epochs, views=STRONG)[:2]) for epochs in (0, 6))
    assert after < 0.6 * before


def test_views_of_a_scan_differ_and_are_drawn_anew_in_every_epoch_as_the_seed_says(monkeypatch):
    model, data, _ = trained(SimCLR, 0)
    batch, drawn = data.batch(data.rows("train")[:2]), []
    for epoch in (0, 1):
        monkeypatch.setattr(SimCLR, "current_epoch", epoch)
        drawn += model.two_views(batch).unbind(dim=1)
        assert torch.equal(model.two_views(batch)[:, 1], drawn[-1])
    assert all(not torch.allclose(drawn[one], drawn[other]) for one in range(4) for other in range(one))


def test_losses_and_spectrum_are_logged():
    _, _, logged = trained(VICReg, 1)
    names = {"train/invariance", "train/variance", "train/covariance", "ldr/effective_rank", "ldr/first_share"}
    assert names <= logged.keys()
    assert all(torch.isfinite(logged[name]) for name in names)

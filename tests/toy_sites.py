"""Scans of which sites differ in an offset of intensity alone, and what an LDR of them holds."""

from __future__ import annotations

import torch
from lightning import Trainer, seed_everything
from sklearn.linear_model import LinearRegression

from benchmark.methods.mock_data import SHAPE, SITES, MockData


class OffsetSites(MockData):
    """Smooth patterns of the subject, brighter or darker all over by the site and in nothing else."""

    def __init__(self):
        super().__init__()
        axes = torch.meshgrid(*(torch.linspace(-1, 1, size) for size in SHAPE), indexing="ij")
        waves = torch.stack([torch.cos(3 * (axis + shift)) for axis in axes for shift in (0.0, 0.7)])
        pattern = torch.einsum("sw,wxyz->sxyz", self.fields["anatomy"], waves)
        offset = torch.linspace(-3, 3, len(SITES) + 1)[self.fields["site"]]
        self.fields["volume"] = (pattern + offset[:, None, None, None]).unsqueeze(1)


def trained(method, epochs=30, learning_rate=4e-3):
    """A small model of a method and its data."""
    seed_everything(0, verbose=False)
    model, data = method(ldr_dim=8, width=4, levels=2, learning_rate=learning_rate, average_from=1.0), OffsetSites()
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(model, datamodule=data)
    return model.eval(), data


@torch.no_grad()
def between_sites(model, data):
    """Share of the variance of training scans' LDRs that lies between sites."""
    batch = data.batch(data.rows("train"))
    ldrs = model.embed(batch)
    means = torch.stack([ldrs[batch["site"] == site].mean(dim=0) for site in range(len(SITES))])
    return (means.var(dim=0, correction=0).sum() / ldrs.var(dim=0, correction=0).sum()).item()


@torch.no_grad()
def anatomy_explained(model, data):
    """Share of the variance of the subjects' patterns that is linear in the LDRs, of all scans."""
    batch = data.batch(torch.arange(len(data.scans)))
    ldrs = model.embed(batch)
    return LinearRegression().fit(ldrs, batch["anatomy"]).score(ldrs, batch["anatomy"])

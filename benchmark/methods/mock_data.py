"""Made-up scans, small and quickly trained on, to try methods with."""

from __future__ import annotations

from typing import Any, cast

import pandas as pd
import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from benchmark.methods.data_spec import DataSpec
from benchmark.methods.representation import Batch

SHAPE = (16, 24, 16)
SPACING = 8.0
SITES = ("mock-a", "mock-b", "mock-c", "mock-d")
#: Training and test scans of each site, and of one that training does not see (fitted on or scored).
TRAIN, TEST, UNSEEN = 12, 3, 6
BATCH = 8


class MockData(LightningDataModule):
    """Scans of four sites and of an unseen one, in the form in which the suite's datamodule hands them to methods.

    Brains are ellipsoids, a little different from each other, with a smooth pattern of the subject, seen through a gain
    and a shading of the site.

    Parameters
    ----------
    diagnoses
        Seed of the diagnoses, which no batch holds: they are in ``scans`` alone.
    of_training
        Seed of the training scans' diagnoses; None for that of all others.
    """

    def __init__(self, diagnoses: int = 0, of_training: int | None = None) -> None:
        super().__init__()
        self.spec = DataSpec(SHAPE, SITES, SPACING)
        site, split = [], []
        for code in range(len(SITES) + 1):
            unseen = code == len(SITES)
            parts = [("unseen", UNSEEN), ("test", UNSEEN)] if unseen else [("train", TRAIN), ("test", TEST)]
            for name, count in parts:
                site += [code] * count
                split += [name] * count
        draw = torch.Generator().manual_seed(0)
        self.fields = _scans(torch.tensor(site), draw)
        ill = _drawn(len(site), diagnoses)
        if of_training is not None:
            training = torch.tensor([name == "train" for name in split])
            ill[training] = _drawn(len(site), of_training)[training]
        self.scans = pd.DataFrame(
            {
                "subject_id": [f"mock{number:03d}" for number in range(len(site))],
                "session_id": "1",
                "site": [(*SITES, "mock-unseen")[code] for code in site],
                "split": split,
                "diagnosis": ["AD" if one else "CN" for one in ill.tolist()],
                "age": self.fields["age"].numpy(),
                "sex": ["M" if one else "F" for one in self.fields["sex"].tolist()],
            }
        )

    def batch(self, rows: Tensor) -> Batch:
        """The scans of some rows, shape (batch,)."""
        fields = {name: value[rows] for name, value in self.fields.items()}
        scored = torch.tensor((self.scans["split"] == "test").to_numpy())[rows]
        return cast(Batch, {**fields, "index": rows, "scored": scored})

    def rows(self, split: str) -> Tensor:
        """Rows of a split, shape (scans,)."""
        return torch.tensor((self.scans["split"] == split).to_numpy().nonzero()[0])

    def split_dataloader(self, split: str) -> list[Batch]:
        """Every scan of a split once."""
        return [self.batch(rows) for rows in torch.split(self.rows(split), BATCH)]

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches of training scans, the sites in turn, those of this process."""
        rows = self.rows("train").view(len(SITES), TRAIN).T.flatten()
        trainer: Any = self.trainer
        batches = [self.batch(part) for part in torch.split(rows, BATCH)]
        return DataLoader(cast(Any, batches[trainer.global_rank :: trainer.world_size]), batch_size=None)


def _drawn(scans: int, seed: int) -> Tensor:
    return torch.randint(2, (scans,), generator=torch.Generator().manual_seed(seed))


def _scans(site: Tensor, draw: torch.Generator) -> dict[str, Tensor]:
    count = len(site)
    axes = torch.meshgrid(*(torch.linspace(-1, 1, size) for size in SHAPE), indexing="ij")
    radii = 0.85 + 0.05 * torch.randn(count, 3, generator=draw)
    inside = torch.einsum("sa,axyz->sxyz", radii**-2, torch.stack(axes).square()) < 1
    waves = torch.stack([torch.cos(3 * (axis + shift)) for axis in axes for shift in (0.0, 0.7)])
    anatomy = torch.randn(count, len(waves), generator=draw)
    gain = 1 + 0.3 * torch.randn(len(SITES) + 1, generator=draw)
    shading = 0.5 * torch.randn(len(SITES) + 1, 3, generator=draw)
    pattern = torch.einsum("sw,wxyz->sxyz", anatomy, waves)
    shade = torch.einsum("sa,axyz->sxyz", shading[site], torch.stack(axes))
    noise = 0.1 * torch.randn(count, *SHAPE, generator=draw)
    volume = (gain[site].view(-1, 1, 1, 1) * pattern + shade + noise) * inside
    return {
        "volume": volume.unsqueeze(1),
        "site": site,
        "age": 60 + 20 * torch.rand(count, generator=draw),
        "sex": torch.randint(2, (count,), generator=draw).float(),
        "anatomy": anatomy,
    }

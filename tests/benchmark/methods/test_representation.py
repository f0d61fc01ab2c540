"""What a method says of a batch."""

from __future__ import annotations

import pytest
import torch

from benchmark.methods.image_quality import reconstruction_quality
from benchmark.methods.representation import RepresentationModule


class Halving(RepresentationModule):
    """Reconstructs volumes at half their size, and counts how many."""

    decoded = 0

    def build(self, geometry):
        """There is nothing to build."""

    def embed(self, batch):
        return batch["volume"].flatten(1)[:, :2]

    def reconstruct(self, batch, ldr):
        self.decoded += len(ldr)
        return batch["volume"] / 2


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

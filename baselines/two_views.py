"""Base of self-supervised methods: what two views of a scan have in common is what its LDR should tell."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from baselines.encoder_only import EncoderOnly
from baselines.memory import Memory
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import AVERAGE_FROM, Batch
from benchmark.methods.views import Views


class TwoViews(EncoderOnly):
    """Encoder, and a head behind it that takes part in training alone.

    Parameters
    ----------
    views
        What differs between views.
    memory_batches
        Number of past batches that the loss sees beside the present one.
    ldr_dim, width, levels, learning_rate, gradient_clip, average_from
        See :class:`baselines.encoder_only.EncoderOnly`.
    """

    def __init__(
        self,
        views: Views = Views(),  # noqa: B008 (frozen; the default shows in --print_config)
        memory_batches: int = 7,
        ldr_dim: int = 32,
        width: int = 16,
        levels: int = 3,
        learning_rate: float = 1e-3,
        gradient_clip: float = 5.0,
        average_from: float = AVERAGE_FROM,
    ) -> None:
        super().__init__(ldr_dim, width, levels, learning_rate, gradient_clip, average_from)
        self.views = views
        self.memory_batches = memory_batches
        self.memory = Memory(memory_batches)

    def build(self, spec: DataSpec) -> None:
        """Create the encoder and the head."""
        super().build(spec)
        self.memory.batches = self.memory_batches * self.compute.accumulate
        self.head = self.new_head()

    def new_head(self) -> nn.Module:
        """Network behind the LDR (batch, ldr_dim) that the loss is computed on."""
        raise NotImplementedError

    def two_views(self, batch: Batch) -> Tensor:
        """LDRs of two views of each scan, shape (batch, 2, ldr_dim)."""
        if self.spec is None:
            raise MethodError(f"{type(self).__name__} is not built: it needs the datamodule's spec")
        # The seed of the run: nothing else may set the global generator's seed in between for good.
        seed = torch.initial_seed()
        draws = (2 * self.current_epoch, 2 * self.current_epoch + 1)
        volume, rows = batch["volume"], batch["index"]
        views = [self.views.of(volume, rows, draw, seed, self.spec.spacing) for draw in draws]
        return torch.stack(self.encode(torch.cat(views)).chunk(2), dim=1)

    def configure_optimizers(self) -> Optimizer:
        """One Adam for everything."""
        return self.adam(self.parameters(), self.learning_rate)


def perceptron(*sizes: int) -> nn.Module:
    """Linear layers between vectors of these lengths, with batch normalisation and ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after, track_running_stats=False), nn.ReLU()]
    return nn.Sequential(*layers[:-2])

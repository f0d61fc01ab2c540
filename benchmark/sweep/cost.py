"""What a run takes, and how that grows with its size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pkgutil import resolve_name
from typing import Any

MIB = 2.0**20
#: Bytes of a voxel in the volume store.
STORE_BYTES = 2
#: Scoring time grows with this power of the scans: ranking with the square, probes about in proportion.
SCORING_GROWTH = 1.5


@dataclass(frozen=True)
class Size:
    """What the cost of a run depends on.

    Attributes
    ----------
    train, scans
        Number of training scans, and of all scans.
    epochs
        Of its training; 1 for a method that has none, and where another run trains the base.
    voxels
        Of a volume.
    held
        Scans in memory at a time: a batch, or all training scans for a method without epochs.
    """

    train: int
    scans: int
    epochs: int
    voxels: int
    held: int

    @classmethod
    def of(cls, config: dict[str, Any], train: int, scans: int, *, trained_base: bool = False) -> Size:
        """Size of a run with a resolved configuration; ``trained_base`` where another run trains the base."""
        model, data = config["model"], config["data"]
        while base := model.get("init_args", {}).get("base"):
            model = base
        has_epochs = getattr(resolve_name(model["class_path"]), "training_epochs_apply", True)
        epochs = config["trainer"]["max_epochs"] if has_epochs and not trained_base else 1
        held = data["batch_size"] if has_epochs else train
        return cls(train, scans, epochs, math.prod(data["preprocessing"]["shape"]), held)

    @property
    def store_mib(self) -> float:
        """MiB of the volume store."""
        return self.scans * self.voxels * STORE_BYTES / MIB


@dataclass(frozen=True)
class Cost:
    """What a run takes.

    Attributes
    ----------
    training_seconds, embedding_seconds, scoring_seconds
        Of one worker. Of a finished run the first has the second in it; else it is the epochs', and the second is of
        all that follows them.
    memory_mib, gpu_mib
        Peak of its process and of its GPU; 0 MiB of a GPU where that is not known.
    disk_mib
        What stays of it.
    problem
        Why the cost is not known; empty if it is.
    """

    training_seconds: float = 0.0
    embedding_seconds: float = 0.0
    scoring_seconds: float = 0.0
    memory_mib: float = 0.0
    gpu_mib: float = 0.0
    disk_mib: float = 0.0
    problem: str = ""

    @property
    def seconds(self) -> float:
        """Of one worker."""
        return self.training_seconds + self.embedding_seconds + self.scoring_seconds

    @classmethod
    def combined(cls, costs: Sequence[Cost], by: Callable[[Iterable[float]], float]) -> Cost:
        """Several costs as one, number by number, such as their sum; the first problem, if one has any."""
        problem = next((cost.problem for cost in costs if cost.problem), "")
        names = [] if problem else [field.name for field in fields(cls) if field.name != "problem"]
        return cls(problem=problem, **{name: by(getattr(cost, name) for cost in costs) for name in names})

    def scaled(self, measured: Size, wanted: Size) -> Cost:
        """The cost of a run of one size, if this is the cost of a run of another; disk stays as it is."""
        voxels, scans = wanted.voxels / measured.voxels, wanted.scans / measured.scans
        epochs = voxels * wanted.epochs / measured.epochs * wanted.train / max(measured.train, 1)
        held = voxels * wanted.held / measured.held
        return replace(
            self,
            training_seconds=self.training_seconds * epochs,
            embedding_seconds=self.embedding_seconds * voxels * scans,
            scoring_seconds=self.scoring_seconds * scans**SCORING_GROWTH,
            memory_mib=self.memory_mib * held,
            gpu_mib=self.gpu_mib * held,
        )

"""Batches of normalised volumes out of the memory-mapped store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
import torchio
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from benchmark.data.common_mask import CommonMask
from benchmark.data.sampling import EVALUATION, BatchRows
from benchmark.seeds import derive_seed

#: torchio has no type annotations.
_TORCHIO: Any = torchio

Augmentation = Callable[[torchio.Subject], torchio.Subject]


class VolumeDataset(Dataset[dict[str, Tensor]]):
    """Batches as dictionaries of tensors; see :class:`benchmark.methods.representation.Batch` for the fields.

    Parameters
    ----------
    volumes
        Shape (scan, x, y, z), float16; usually a memory map.
    scans
        The scans table, row for row with ``volumes``; ``site_code`` is an integer column of it.
    augmentation
        A torchio transform, or None. What it draws depends on (seed, epoch, scan) alone.
    seed
        Of the augmentation.
    anatomy
        Shape (scan, parameter), float32; the phantom's true anatomy, or None.
    common
        What cuts volumes to a common mask; None for batches without ``common_volume``.
    scored
        Whether a scan is scored, shape (scan,); None for batches without ``scored``.
    """

    def __init__(
        self,
        volumes: NDArray[np.float16],
        scans: pd.DataFrame,
        augmentation: Augmentation | None = None,
        seed: int = 0,
        anatomy: NDArray[np.float32] | None = None,
        common: CommonMask | None = None,
        scored: NDArray[np.bool_] | None = None,
    ) -> None:
        self.volumes = volumes
        self.keys = scans["scan_key"].tolist()
        self.site = torch.tensor(scans["site_code"].to_numpy(np.int64))
        self.age = torch.tensor(scans["age"].to_numpy(np.float32))
        sex = scans["sex"].map({"F": 0.0, "M": 1.0}).to_numpy(np.float32)
        self.sex = torch.tensor(sex)
        self.anatomy = None if anatomy is None else torch.tensor(anatomy, dtype=torch.float32)
        self.augmentation = augmentation
        self.seed = seed
        self.common = common
        self.scored = None if scored is None else torch.tensor(scored)

    def __getitem__(self, batch: BatchRows) -> dict[str, Tensor]:
        epoch, rows = batch
        # By torch, which widens half precision with the processor's own instructions; NumPy takes ten times as long.
        volume = torch.from_numpy(self.volumes[rows]).float().unsqueeze(1)
        if self.augmentation is not None and epoch != EVALUATION:
            volume = torch.stack([self._augment(scan, row, epoch) for scan, row in zip(volume, rows, strict=True)])
        index = torch.tensor(rows, dtype=torch.int64)
        fields = {
            "volume": volume,
            "site": self.site[index],
            "index": index,
            "age": self.age[index],
            "sex": self.sex[index],
        }
        if self.anatomy is not None:
            fields["anatomy"] = self.anatomy[index]
        if self.common is not None:
            fields["common_volume"] = self.common.cut(volume)
        if self.scored is not None:
            fields["scored"] = self.scored[index]
        return fields

    def _augment(self, volume: Tensor, row: int, epoch: int) -> Tensor:
        transform: Any = self.augmentation
        # torchio draws from torch's global generator: a fork seeded by (epoch, scan) makes each draw replayable.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.seed, "augmentation", epoch, self.keys[row]))
            subject = transform(_TORCHIO.Subject(t1=_TORCHIO.ScalarImage(tensor=volume)))
        augmented: Tensor = subject.t1.data.float()
        return augmented

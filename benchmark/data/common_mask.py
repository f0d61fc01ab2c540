"""Volumes cut to one mask that is common to all scans, so that their outline says nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.preprocessing import Preprocessing


@dataclass(frozen=True)
class CommonMask:
    """Cuts preprocessed, masked volumes to a common mask and normalises them within it again.

    After ``zscore``, a voxel of the common mask that the scan's own mask lacks holds nothing that is known; it gets
    the median of the scan's other voxels there, so that it is neither background nor an edge of it. After
    ``percentile`` a 0 may be such a voxel or one of the darkest: it stays.

    Attributes
    ----------
    mask
        Shape (x, y, z), bool, with at least one voxel.
    preprocessing
        What the volumes were made by.
    """

    mask: NDArray[np.bool_]
    preprocessing: Preprocessing

    def cut(self, volumes: Tensor) -> Tensor:
        """Volumes as preprocessing would give them with the common mask for their own.

        Parameters
        ----------
        volumes
            Shape (batch, 1, x, y, z), float32, 0 outside of each scan's own mask.

        Returns
        -------
        torch.Tensor
            Same shape, 0 outside of the common mask; a scan without contrast in it is 0 throughout.
        """
        inside = torch.from_numpy(self.mask)
        normalise = self._zscore if self.preprocessing.normalisation == "zscore" else self._percentile
        cut = torch.zeros_like(volumes)
        for number, volume in enumerate(volumes):
            cut[number, 0, inside] = normalise(volume[0, inside])
        return cut

    def _zscore(self, values: Tensor) -> Tensor:
        held = values != 0
        known = values[held]
        if len(known) < 2 or not known.std() > 0:
            return torch.zeros_like(values)
        filled = torch.where(held, values, known.median())
        return (filled - known.mean()) / known.std()

    def _percentile(self, values: Tensor) -> Tensor:
        low, high = np.percentile(values.numpy(), self.preprocessing.percentiles).tolist()
        if not high > low:
            return torch.zeros_like(values)
        scaled: Tensor = (values.clamp(low, high) - low) / (high - low)
        return scaled

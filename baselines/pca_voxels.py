"""Principal components of the voxels: a cheap baseline that needs no network."""

from __future__ import annotations

from torch import Tensor

from baselines.principal_components import PrincipalComponents
from benchmark.methods.representation import Batch


class PCAVoxels(PrincipalComponents):
    """Leading principal components of the normalised voxels, fitted on the training scans."""

    def features(self, batch: Batch) -> Tensor:
        """The normalised intensities, shape (batch, voxel)."""
        return batch["volume"].flatten(1)

    def reconstruct(self, batch: Batch, ldr: Tensor) -> Tensor:
        """Projection on the components, shape (batch, 1, x, y, z), zero where the volume is."""
        volume = batch["volume"]
        return (ldr @ self.components + self.mean).view_as(volume) * (volume != 0)

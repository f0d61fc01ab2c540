"""Principal components of the voxels: a cheap baseline that needs no network."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from sklearn.decomposition import PCA
from torch import Tensor

from baselines.closed_form import ClosedForm
from seada.errors import MethodError
from seada.geometry import Geometry
from seada.representation import Batch


class PCAVoxels(ClosedForm):
    """Leading principal components of the normalised voxels, fitted on the training scans.

    Parameters
    ----------
    ldr_dim
        Number of components.

    Raises
    ------
    MethodError
        When there are fewer training scans than components.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, ldr_dim: int = 32) -> None:
        super().__init__()
        self.ldr_dim = ldr_dim

    def build(self, geometry: Geometry) -> None:
        """Create mean (voxel,) and components (component, voxel), still zero."""
        x, y, z = geometry.shape
        self.register_buffer("mean", torch.zeros(x * y * z))
        self.register_buffer("components", torch.zeros(self.ldr_dim, x * y * z))

    def fit_after_training(self, batches: Iterable[Batch], unseen: Iterable[Batch]) -> None:
        """Fit the components on all training voxels (randomised solver, fixed seed)."""
        voxels = torch.cat([batch["volume"].flatten(1).cpu() for batch in batches]).numpy()
        if len(voxels) < self.ldr_dim:
            raise MethodError(
                f"PCAVoxels: ldr_dim {self.ldr_dim} is not allowed with {len(voxels)} training scans; "
                "it must be at most their number"
            )
        pca = PCA(self.ldr_dim, svd_solver="randomized", random_state=0).fit(voxels)
        self.mean = torch.as_tensor(pca.mean_).to(self.mean)
        self.components = torch.as_tensor(pca.components_).to(self.components)

    def embed(self, batch: Batch) -> Tensor:
        """Shape (batch, ldr_dim)."""
        return (batch["volume"].flatten(1) - self.mean) @ self.components.T

    def reconstruct(self, batch: Batch, ldr: Tensor) -> Tensor:
        """Projection on the components, shape (batch, 1, x, y, z), zero where the volume is."""
        volume = batch["volume"]
        return (ldr @ self.components + self.mean).view_as(volume) * (volume != 0)

"""Principal components of features that a method computes from each volume by itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from baselines.closed_form import ClosedForm
from benchmark.methods.data_spec import DataSpec
from benchmark.methods.errors import MethodError
from benchmark.methods.representation import Batch


class PrincipalComponents(ClosedForm):
    """Leading principal components of one feature per voxel, fitted on the training scans.

    Parameters
    ----------
    ldr_dim
        Number of components.

    Raises
    ------
    MethodError
        When there are fewer training scans than components, or no feature varies over them.
    """

    mean: Tensor
    components: Tensor

    def __init__(self, ldr_dim: int = 32) -> None:
        super().__init__()
        self.ldr_dim = ldr_dim

    @abstractmethod
    def features(self, batch: Batch) -> Tensor:
        """Features of every scan of a batch, float32, shape (batch, voxel)."""

    def build(self, spec: DataSpec) -> None:
        """Create mean (voxel,) and components (component, voxel), still zero."""
        x, y, z = spec.shape
        self.register_buffer("mean", torch.zeros(x * y * z))
        self.register_buffer("components", torch.zeros(self.ldr_dim, x * y * z))

    def fit_after_training(self, batches: Iterable[Batch], unseen: Iterable[Batch]) -> None:
        """Fit the components on the features of all training scans (randomised solver, fixed seed)."""
        features = torch.cat([self.features(batch).cpu() for batch in batches]).numpy()
        name = type(self).__name__
        if len(features) < self.ldr_dim:
            raise MethodError(
                f"{name}: ldr_dim {self.ldr_dim} is not allowed with {len(features)} training scans; "
                "it must be at most their number"
            )
        if not np.ptp(features, axis=0).any():
            raise MethodError(f"{name}: all {len(features)} training scans have the same features; {self.constant}")
        pca = PCA(self.ldr_dim, svd_solver="randomized", random_state=0).fit(features)
        self.mean = torch.as_tensor(pca.mean_).to(self.mean)
        self.components = torch.as_tensor(pca.components_).to(self.components)

    #: What is wrong where all training scans have the same features.
    constant = "the volumes are all the same"

    def embed(self, batch: Batch) -> Tensor:
        """Shape (batch, ldr_dim)."""
        return (self.features(batch) - self.mean) @ self.components.T

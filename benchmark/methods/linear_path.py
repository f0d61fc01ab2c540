"""Linear path beside encoder and decoder: principal components of the training volumes, mapped to the LDR and back."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn import functional

from benchmark.methods.compute import at_least_single
from benchmark.methods.errors import MethodError
from benchmark.methods.smoothing import blurred

#: The path sees volumes averaged over blocks of voxels up to about this edge in mm, so that its size is the same on
#: every grid.
BLOCK = 4.0
#: Training volumes that the components are fitted on, at most; evenly spaced among all of them.
LIMIT = 2000


class LinearPath(nn.Module):
    """Linear maps from a volume's first principal components to the LDR, and from the LDR back to a volume.

    Both begin with a solution in closed form, which a network of few epochs is far from: the LDR is that of the
    filter that best predicts a volume from another view of it. Training then turns the components as the losses ask.
    The components are those of blurred volumes and of their mirror images: heads are nearly symmetric, and a few
    hundred of them have far fewer scans than voxels.

    Parameters
    ----------
    shape
        Voxels of the volume along R, A, S.
    spacing
        Edge of a voxel in mm.
    ldr_dim
        Length of the LDR.
    components
        Number of principal components; where training scans are too few for so many, the others are 0.

    Raises
    ------
    MethodError
        If ``components`` is below ``ldr_dim``.
    """

    mean: Tensor
    basis: Tensor
    unit: Tensor

    def __init__(self, shape: tuple[int, int, int], spacing: float, ldr_dim: int, components: int) -> None:
        super().__init__()
        if components < ldr_dim:
            raise MethodError(
                f"blocks.components: {components} is not allowed; it must be 0, or at least ldr_dim, {ldr_dim}"
            )
        wanted = max(int(BLOCK / spacing + 1e-9), 1)
        self.block = next(size for size in range(wanted, 0, -1) if all(n % size == 0 for n in shape))
        self.shape = shape
        self.spacing = spacing
        voxels = math.prod(n // self.block for n in shape)
        self.register_buffer("mean", torch.zeros(voxels))
        self.register_buffer("basis", torch.zeros(components, voxels))
        self.register_buffer("unit", torch.zeros(()))
        self.inwards = nn.Linear(components, ldr_dim, bias=False)
        self.outwards = nn.Linear(ldr_dim, components, bias=False)
        for layer in (self.inwards, self.outwards):
            nn.init.eye_(layer.weight)

    @property
    def fitted(self) -> bool:
        """Whether there are components."""
        return bool(self.unit > 0)

    @torch.no_grad()
    def fit(self, volumes: Iterable[Tensor], count: int) -> None:
        """Take the principal components of ``count`` training volumes, batches (batch, 1, x, y, z).

        Raises
        ------
        MethodError
            If no voxel differs between scans.
        """
        step, kept, seen = max(math.ceil(count / LIMIT), 1), [], 0
        for volume in volumes:
            chosen = volume[[row for row in range(len(volume)) if (seen + row) % step == 0]].float()
            kept += [self._blocks(chosen).cpu(), self._blocks(chosen.flip(2)).cpu()]
            seen += len(volume)
        voxels = torch.cat(kept).numpy()
        if not np.ptp(voxels, axis=0).any():
            raise MethodError("blocks.components: the training volumes are all the same")
        components = min(len(self.basis), len(voxels) - 1)
        pca = PCA(components, svd_solver="randomized", random_state=0).fit(voxels)
        self.mean.copy_(torch.as_tensor(pca.mean_))
        self.basis[:components].copy_(torch.as_tensor(pca.components_))
        self.unit.fill_(float(pca.explained_variance_[: self.inwards.out_features].mean() ** 0.5))

    @torch.no_grad()
    def denoise(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Let both maps begin with the filter that predicts volumes from views.

        With T the covariance of the scores of scans and N that of the differences between views and scans, the best
        linear prediction of a scan from its view is T (T + N)^-1 of the view, for differences that do not depend on the
        scan (Wiener's filter). The LDR is the predictions' principal components, and the map back their regression.

        Parameters
        ----------
        pairs
            Training volumes and a view of each, both (batch, 1, x, y, z); any number of views of a volume.
        """
        both = [(self.scores(volume), self.scores(view)) for volume, view in pairs]
        scores = torch.cat([of_scan for of_scan, _ in both]).double().cpu()
        moves = torch.cat([of_view - of_scan for of_scan, of_view in both]).double().cpu()
        total, noise = torch.cov(scores.T), torch.cov(moves.T)
        floor = 1e-9 * total.diagonal().mean() * torch.eye(len(total), dtype=total.dtype)
        predict = torch.linalg.solve(total + noise + floor, total).T
        predictions = scores @ predict.T
        axes = torch.linalg.eigh(torch.cov(predictions.T))[1].flip(1)[:, : self.inwards.out_features]
        ldr = predictions @ axes
        size = ldr.var(dim=0).mean().sqrt()
        ldr = ldr - ldr.mean(dim=0)
        back = torch.linalg.solve(ldr.T @ ldr + floor[: len(axes.T), : len(axes.T)], ldr.T @ scores)
        self.inwards.weight.copy_(axes.T @ predict / size)
        self.outwards.weight.copy_(back.T * size)

    def scores(self, volume: Tensor) -> Tensor:
        """Principal component scores, shape (batch, component), the leading ones with an SD of about 1."""
        with torch.autocast(volume.device.type, enabled=False):
            scores: Tensor = (self._blocks(at_least_single(volume)) - self.mean) @ at_least_single(self.basis).T
            return scores / self.unit.clamp_min(1e-12)

    def ldr(self, volume: Tensor) -> Tensor:
        """Volume (batch, 1, x, y, z) to its part of the LDR, (batch, ldr_dim)."""
        with torch.autocast(volume.device.type, enabled=False):
            return functional.linear(self.scores(volume), at_least_single(self.inwards.weight))

    def volume(self, ldr: Tensor) -> Tensor:
        """LDR (batch, ldr_dim) to its part of the volume, (batch, 1, x, y, z)."""
        with torch.autocast(ldr.device.type, enabled=False):
            scores = functional.linear(at_least_single(ldr), at_least_single(self.outwards.weight))
            voxels = (scores * self.unit) @ at_least_single(self.basis) + self.mean
        small: Tensor = voxels.view(-1, 1, *(n // self.block for n in self.shape))
        if self.block == 1:
            return small
        return functional.interpolate(small, self.shape, mode="trilinear", align_corners=False)

    def _blocks(self, volume: Tensor) -> Tensor:
        small = functional.avg_pool3d(volume, self.block) if self.block > 1 else volume
        return blurred(small, self.spacing * self.block).flatten(1)

"""From an image file of any orientation and size to one normalised volume on the common grid."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torchio
from numpy.typing import NDArray
from torch import Tensor

from benchmark.data.contrast import check_contrast
from benchmark.data.grid import CentredGrid
from benchmark.data.images import Image, read_image, read_mask
from benchmark.errors import UserError

#: Without a mask, voxels up to this share of the largest value are air.
AIR = 1e-3
_TORCHIO: Any = torchio


@dataclass(frozen=True)
class LoadedVolume:
    """One preprocessed scan.

    Attributes
    ----------
    volume
        Shape (x, y, z), float32, RAS.
    lost
        Share of the mask that lies outside of the grid, in [0, 1); 0 without a mask.
    """

    volume: NDArray[np.float32]
    lost: float


@dataclass(frozen=True)
class Preprocessing:
    """Grid, spacing and intensity scale that every volume is brought to.

    A volume is oriented to RAS by permuting and flipping axes (left stays left; an oblique angle stays), brought to
    the grid by one linear interpolation, after smoothing against aliasing, padded with its minimum, and normalised.

    Attributes
    ----------
    shape
        Voxels along x (left to right), y (posterior to anterior) and z (inferior to superior).
    spacing
        Isotropic voxel size in mm, in [0.1, 50].
    normalisation
        ``zscore`` (mean 0, SD 1) or ``percentile`` (``percentiles`` to 0 and 1, clipped), both measured in the
        mask; without a mask, in the voxels above half of the mean of all that aren't air.
    percentiles
        For ``percentile``; ascending, in [0, 100].
    crop_to_mask
        Centre the grid on the bounding box of the mask, where there is one, and not on the image: for images with
        a neck that aren't registered to a template.
    mask_background
        Set voxels outside of the mask, where there is one, to 0 after normalisation.

    Raises
    ------
    UserError
        For a value out of range; the message names it.
    """

    shape: tuple[int, int, int] = (40, 48, 40)
    spacing: float = 4.0
    normalisation: Literal["zscore", "percentile"] = "zscore"
    percentiles: tuple[float, float] = (1.0, 99.0)
    crop_to_mask: bool = False
    mask_background: bool = True

    def __post_init__(self) -> None:
        # YAML has lists and whole numbers; settings that mean the same must be equal.
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "spacing", float(self.spacing))
        object.__setattr__(self, "percentiles", tuple(map(float, self.percentiles)))
        whole = all(isinstance(size, int) and not isinstance(size, bool) and 1 <= size <= 1024 for size in self.shape)
        _require(len(self.shape) == 3 and whole, "shape", self.shape, "three whole numbers in [1, 1024]")
        _require(0.1 <= self.spacing <= 50, "spacing", self.spacing, "a number of mm in [0.1, 50]")
        kinds = ("zscore", "percentile")
        _require(self.normalisation in kinds, "normalisation", self.normalisation, "zscore or percentile")
        ascending = len(self.percentiles) == 2 and 0 <= self.percentiles[0] < self.percentiles[1] <= 100
        _require(ascending, "percentiles", self.percentiles, "two ascending numbers in [0, 100]")

    def load(self, row: Mapping[Hashable, Any]) -> LoadedVolume:
        """Read, check and preprocess one scan.

        Parameters
        ----------
        row
            Row of the scans table: ``image``, and ``mask`` and ``sha256`` where there are any.

        Returns
        -------
        LoadedVolume
            The volume, and how much of the mask the grid cuts off.

        Raises
        ------
        UserError
            For an image or mask that cannot be used; the message names the file and the cause.
        """
        path, mask_path = Path(row["image"]), Path(row["mask"]) if row.get("mask") else None
        image = read_image(path, row.get("sha256") or "")
        check_contrast(path, image.data)
        t1 = _TORCHIO.ScalarImage(tensor=_unit_range(image.data), affine=image.affine)
        if min(size * step for size, step in zip(image.data.shape, t1.spacing, strict=True)) < self.spacing:
            raise UserError(f"{path}: its field of view is smaller than one voxel of {self.spacing:g} mm")
        subject = _TORCHIO.Subject(t1=t1)
        if mask_path is not None:
            subject.add_image(_mask(mask_path, path, image), "mask")
        grid = self._grid(mask_path is not None)
        subject = _TORCHIO.ToCanonical(copy=False)(subject)
        lost = 0.0 if mask_path is None else grid.share_outside(subject, "mask")
        subject = grid(subject)
        self._check_contrast(subject, path, mask_path)
        for step in self._intensity(mask_path is not None):
            subject = step(subject)
        return LoadedVolume(subject.t1.numpy()[0], lost)

    def _grid(self, masked: bool) -> CentredGrid:
        return CentredGrid(self.shape, self.spacing, "mask" if masked and self.crop_to_mask else None, copy=False)

    def _intensity(self, masked: bool) -> list[Any]:
        where = "mask" if masked else foreground
        if self.normalisation == "zscore":
            normalise = _TORCHIO.ZNormalization(masking_method=where, copy=False)
        else:
            normalise = _TORCHIO.RescaleIntensity((0, 1), self.percentiles, masking_method=where, copy=False)
        return [normalise, _TORCHIO.Mask("mask", copy=False)] if masked and self.mask_background else [normalise]

    def _check_contrast(self, subject: Any, path: Path, mask_path: Path | None) -> None:
        inside = foreground(subject.t1.data) if mask_path is None else subject.mask.data.bool()
        if mask_path is not None and not inside.any():
            grid = " × ".join(map(str, self.shape))
            raise UserError(f"{mask_path}: the mask covers no voxel of the grid of {grid} at {self.spacing:g} mm")
        values = subject.t1.data[inside].numpy()
        if values.size == 0:
            low = high = 0.0
        elif self.normalisation == "percentile":
            low, high = np.percentile(values, self.percentiles)
        else:
            low, high = values.min(), values.max()
        if not high - low > 1e-6:
            where = "the grid" if mask_path is None else "the mask"
            raise UserError(f"{path}: has no contrast within {where}, nothing to normalise by")


def foreground(volume: Tensor) -> Tensor:
    """Voxels above half of the mean of all that aren't air.

    Parameters
    ----------
    volume
        Any shape, values from 0 (air) up.

    Returns
    -------
    torch.Tensor
        Of bool. Unlike a threshold at the mean of all voxels, it doesn't depend on how much air a grid holds.
    """
    tissue = volume[volume > AIR * volume.max()]
    return volume > tissue.mean() / 2 if tissue.numel() else torch.zeros_like(volume, dtype=torch.bool)


def _unit_range(data: NDArray[Any]) -> Tensor:
    # Both normalisations ignore scale and offset; from 0 to 1, padding with 0 is the image's minimum, and values of
    # any size keep their precision as float32.
    wide: NDArray[Any] = data.astype(np.float64 if data.dtype.itemsize > 2 else np.float32)
    low, high = wide.min(), wide.max()
    wide -= low
    wide /= high - low
    return torch.from_numpy(np.ascontiguousarray(wide[None], dtype=np.float32))


def _mask(path: Path, image_path: Path, image: Image) -> Any:
    mask = read_mask(path, image_path, image)
    return _TORCHIO.LabelMap(tensor=torch.from_numpy(mask.data[None].astype(np.uint8)), affine=mask.affine)


def _require(fine: bool, name: str, value: object, allowed: str) -> None:
    if not fine:
        raise UserError(f"preprocessing.{name}: {value} is not allowed; it must be {allowed}")

"""The common grid that images of any size and spacing are brought to."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torchio
from numpy.typing import NDArray

_TORCHIO: Any = torchio
#: Spacings that differ by less than this share are equal; nothing is interpolated then.
EQUAL_SPACING = 1e-3


class CentredGrid(_TORCHIO.SpatialTransform):  # type: ignore[misc]
    """Resample, crop and pad to a shape and an isotropic spacing, keeping the centre where it is.

    One interpolation from the image's grid to the target, whose centres coincide. With :class:`torchio.Resample` and
    then :class:`torchio.CropOrPad` the centre would move by up to half a target voxel, by an amount that depends on
    the matrix size and hence on the scanner.

    Parameters
    ----------
    shape
        Voxels along each axis.
    spacing
        Of the voxels, in mm. An image that has it already is cropped and padded without interpolation.
    mask_name
        Label map whose bounding box the grid is centred on; None for the centre of the image.
    **kwargs
        Of :class:`torchio.Transform`.
    """

    def __init__(
        self, shape: tuple[int, int, int], spacing: float, mask_name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.shape = shape
        self.spacing = spacing
        self.mask_name = mask_name
        self.args_names = ["shape", "spacing", "mask_name"]

    def apply_transform(self, subject: Any) -> Any:
        """Torchio's hook; images outside of which the grid reaches are padded with 0."""
        image = subject.get_first_image()
        if all(math.isclose(step, self.spacing, rel_tol=EQUAL_SPACING) for step in image.spacing):
            return _TORCHIO.CropOrPad(self.shape, mask_name=self.mask_name, copy=False)(subject)
        linear = image.affine[:3, :3] / image.spacing * self.spacing
        affine = np.eye(4)
        affine[:3, :3] = linear
        centre = image.affine[:3, :3] @ self._centre(subject) + image.affine[:3, 3]
        affine[:3, 3] = centre - linear @ ((np.array(self.shape) - 1) / 2)
        # Smoothed where voxels become larger, against aliasing; a label map is sampled at the nearest voxel.
        return _TORCHIO.Resample((self.shape, affine), antialias=True, copy=False)(subject)

    def share_outside(self, subject: Any, mask_name: str) -> float:
        """Share of a mask's voxels that the grid cuts off, in [0, 1]."""
        mask = subject[mask_name].data[0].numpy()
        half = np.array(self.shape) * self.spacing / np.array(subject[mask_name].spacing) / 2
        centre = self._centre(subject)
        # Voxels whose centre is in the box.
        starts = np.ceil(centre - half - EQUAL_SPACING).clip(0).astype(int)
        ends = (np.floor(centre + half + EQUAL_SPACING) + 1).astype(int)
        inside = mask[tuple(slice(start, end) for start, end in zip(starts, ends, strict=True))]
        return float(1 - inside.sum(dtype=np.int64) / mask.sum(dtype=np.int64))

    def _centre(self, subject: Any) -> NDArray[np.float64]:
        if self.mask_name is None:
            return (np.array(subject.get_first_image().spatial_shape) - 1) / 2
        mask = subject[self.mask_name].data[0].numpy().astype(bool)
        ranges = [np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        return np.array([(found[0] + found[-1]) / 2 for found in ranges])

"""Images between voxel arrays with an affine (RAS, as nibabel has them) and SimpleITK (LPS)."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from benchmark.data.images import Image

#: SimpleITK is not typed.
sitk: Any = SimpleITK
#: World coordinate (MNI, mm) of the middle of the output grid: about the middle of the brain.
CENTRE = (0.0, -18.0, 8.0)

_LPS = np.diag([-1.0, -1.0, 1.0])


def to_sitk(image: Image) -> Any:
    """A SimpleITK image of float32; its affine must have axes at right angles."""
    spacing = np.linalg.norm(image.affine[:3, :3], axis=0)
    made = sitk.GetImageFromArray(np.ascontiguousarray(image.data.T, dtype=np.float32))
    made.SetSpacing(spacing.tolist())
    made.SetDirection((_LPS @ (image.affine[:3, :3] / spacing)).ravel().tolist())
    made.SetOrigin((_LPS @ image.affine[:3, 3]).tolist())
    return made


def from_sitk(image: Any) -> Image:
    """The array, float32, and the affine of a SimpleITK image."""
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = _LPS @ direction * np.array(image.GetSpacing())
    affine[:3, 3] = _LPS @ np.array(image.GetOrigin())
    return Image(sitk.GetArrayFromImage(image).T.astype(np.float32), affine)


def grid(shape: tuple[int, int, int], spacing: float, centre: NDArray[np.float64] | None = None) -> Any:
    """An empty RAS image with its middle at a world coordinate (RAS, mm); that of the template by default."""
    affine = np.diag([spacing, spacing, spacing, 1.0])
    middle = np.array(CENTRE) if centre is None else centre
    affine[:3, 3] = middle - spacing * (np.array(shape) - 1) / 2
    return to_sitk(Image(np.zeros(shape, np.float32), affine))


def resampled(image: Any, reference: Any, transform: Any, mask: bool = False) -> Any:
    """An image on the grid of a reference, by one interpolation, smoothed before against aliasing.

    Parameters
    ----------
    image, reference
        SimpleITK images.
    transform
        From the reference's world to the image's.
    mask
        Interpolate a mask: linearly, then cut at one half.
    """
    fine, coarse = np.array(image.GetSpacing()), np.array(reference.GetSpacing()).max()
    # Full widths at half maximum of a voxel size each; the coarse one is what the result must not be sharper than.
    sigma = np.sqrt(np.maximum(coarse**2 - fine**2, 0.0)) / 2.355
    smooth = sitk.Cast(image, sitk.sitkFloat32)
    for axis in np.flatnonzero(sigma > 0.1 * fine).tolist():
        smooth = sitk.RecursiveGaussian(
            smooth, float(sigma[axis]), False, sitk.RecursiveGaussianImageFilter.ZeroOrder, axis
        )
    low = float(sitk.GetArrayViewFromImage(image).min())
    found = sitk.Resample(smooth, reference, transform, sitk.sitkLinear, low, sitk.sitkFloat32)
    return sitk.Cast(found > 0.5, sitk.sitkUInt8) if mask else found

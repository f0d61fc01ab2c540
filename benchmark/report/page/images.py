"""Small grey pictures of volumes, as PNG in data URIs."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmark.errors import UserError

#: Voxels that a side of a slice is thinned to at most.
LARGEST_SIDE = 96

#: Shares of the voxels, in percent, that are drawn black and white.
WINDOW = (1.0, 99.5)

#: Share of the voxels from which on those that equal the first one are background.
BACKGROUND = 0.1


def middle_slices(volume: npt.ArrayLike, name: str = "volume") -> npt.NDArray[np.uint8]:
    """The middle axial, coronal and sagittal slice side by side.

    Parameters
    ----------
    volume
        Shape (x, y, z) in RAS: left to right, posterior to anterior, inferior to superior. Of a side longer than 96
        voxels every second one is kept, or fewer.
    name
        What an error message calls it.

    Returns
    -------
    numpy.ndarray
        Shape (height, width), 0 black to 255 white. Left is left; the front (axial, from above) or the top is up.
        The grey window spans the 1st to the 99.5th percentile of the volume. Where a tenth of the voxels or more
        equal the first one, as after masking, they are black and do not count.

    Raises
    ------
    UserError
        For a volume that has not three axes, is empty or holds no finite voxel.
    """
    voxels = np.asarray(volume, dtype=np.float64)
    if voxels.ndim != 3 or voxels.size == 0:
        raise UserError(f"{name}: shape {voxels.shape} is not allowed; a volume has three axes")
    if not np.isfinite(voxels).any():
        raise UserError(f"{name}: no voxel is finite")
    background = voxels == voxels[0, 0, 0]
    if not BACKGROUND <= background.mean() < 1:
        background = np.zeros(voxels.shape, bool)
    low, high = np.percentile(voxels[np.isfinite(voxels) & ~background], WINDOW)
    grey = np.nan_to_num((voxels - low) / (high - low if high > low else 1.0), nan=0.0, posinf=1.0, neginf=0.0)
    grey[background] = 0.0
    slices = [np.rint(np.clip(each, 0, 1) * 255).astype(np.uint8) for each in slices_of(grey)]
    height = max(each.shape[0] for each in slices)
    return np.hstack([_padded(each, height) for each in slices])


def slices_of(voxels: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """The slices of :func:`middle_slices`, thinned and turned as there, with the volume's own values."""
    step = -(-max(voxels.shape) // LARGEST_SIDE)
    thin = voxels[::step, ::step, ::step]
    x, y, z = (side // 2 for side in thin.shape)
    return [np.rot90(each) for each in (thin[:, :, z], thin[:, y, :], thin[x, :, :])]


def png_uri(grey: npt.NDArray[np.uint8]) -> str:
    """A grey picture, shape (height, width), as a data URI of a PNG; equal pictures give equal text."""
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _padded(picture: npt.NDArray[np.uint8], height: int) -> npt.NDArray[np.uint8]:
    missing = height - picture.shape[0]
    return np.pad(picture, ((missing // 2, missing - missing // 2), (0, 0)), mode="edge")

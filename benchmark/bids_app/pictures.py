"""A mosaic of slices in three planes, with the outline of the brain mask."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import binary_erosion

from benchmark.report.page.images import WINDOW

#: Slices of each plane.
SLICES = 7
#: Pixels that a slice is enlarged to, about.
SIDE = 150
#: Of the outline: red, green, blue.
OUTLINE = (255, 159, 28)


def mosaic(volume: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.uint8]:
    """Axial, coronal and sagittal slices, a row each, from inferior, posterior and left.

    Parameters
    ----------
    volume, mask
        Shape (x, y, z) in RAS; without a mask nothing is outlined.

    Returns
    -------
    numpy.ndarray
        Shape (height, width, 3). Left is left; the front (axial) or the top is up; in sagittal slices the front is to
        the right.
    """
    inside = np.ones(volume.shape, bool) if mask is None or not mask.any() else mask
    low, high = np.percentile(volume[inside], WINDOW)
    grey = np.rint(np.clip((volume - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)
    zoom = max(1, SIDE // max(volume.shape))
    cell = max(volume.shape) * zoom
    rows = []
    for axis in (2, 1, 0):
        extent = np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis})))
        chosen = np.linspace(extent[0], extent[-1], SLICES + 2)[1:-1].round().astype(int)
        rows.append(np.hstack([_tile(grey, mask, axis, place, zoom, cell) for place in chosen]))
    return np.vstack(rows)


def picture_uri(picture: npt.NDArray[np.uint8]) -> str:
    """A picture, shape (height, width, 3), as a data URI of a PNG; equal pictures give equal text."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _tile(
    grey: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_] | None, axis: int, place: int, zoom: int, cell: int
) -> npt.NDArray[np.uint8]:
    shown = np.kron(np.rot90(grey.take(place, axis)), np.ones((zoom, zoom), np.uint8))
    coloured = np.repeat(shown[:, :, None], 3, axis=2)
    if mask is not None:
        brain = np.kron(np.rot90(mask.take(place, axis)), np.ones((zoom, zoom), bool)).astype(bool)
        coloured[brain & ~binary_erosion(brain, border_value=1)] = OUTLINE
    missing = [cell - side for side in shown.shape]
    return np.pad(coloured, [*((each // 2, each - each // 2) for each in missing), (0, 0)])

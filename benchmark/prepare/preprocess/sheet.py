"""A sheet of slices of a site's scans, so that a person sees failures at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

#: Scans in a row of the sheet.
COLUMNS = 6
#: Most scans of a sheet; of more, those with flags first, then every n-th.
MOST = 60


def write_sheet(
    title: str, scans: Sequence[tuple[str, NDArray[np.float32], NDArray[np.bool_], bool]], out: Path
) -> None:
    """Write a PNG with three orthogonal slices of each scan and the outline of its mask.

    Parameters
    ----------
    title
        Above the sheet.
    scans
        Name, volume and mask, shape (x, y, z), and whether it stands out, which frames it in red.
    out
        The file.
    """
    from matplotlib.figure import Figure

    rows = -(-len(scans) // COLUMNS)
    figure = Figure(figsize=(2.6 * COLUMNS, 1.25 * rows + 0.5), dpi=110, layout="constrained")
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots(rows, COLUMNS, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (name, volume, mask, stands_out) in zip(axes.flat, scans, strict=False):
        picture, outline = _slices(volume), _slices(mask.astype(np.float32))
        low, high = np.percentile(volume[mask], (1, 99)) if mask.any() else (volume.min(), volume.max())
        axis.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), interpolation="nearest")
        if 0 < outline.mean() < 1:
            axis.contour(outline, levels=[0.5], colors="#2a9d8f", linewidths=0.6)
        axis.set_title(name, fontsize=6, color="#c1121f" if stands_out else "black")
        if stands_out:
            height, width = picture.shape
            axis.plot(
                [0, width - 1, width - 1, 0, 0], [0, 0, height - 1, height - 1, 0], color="#c1121f", linewidth=1.2
            )
    figure.savefig(out, format="png", metadata={"Software": None})


def _slices(volume: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sagittal, coronal and axial middle slices side by side, superior and anterior up; left is left."""
    x, y, z = (size // 2 for size in volume.shape)
    parts = [volume[x].T[::-1], volume[:, y].T[::-1], volume[:, :, z].T[::-1]]
    height = max(part.shape[0] for part in parts)
    padded = [np.pad(p, ((0, height - p.shape[0]), (0, 0)), constant_values=float(volume.min())) for p in parts]
    return np.concatenate(padded, axis=1)

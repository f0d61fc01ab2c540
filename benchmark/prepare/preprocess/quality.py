"""Numbers that tell a preprocessed scan which a person should look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_fill_holes, convolve

#: Overlap with the template's mask below which a registration has failed, whatever the others of its site are like.
LEAST_OVERLAP = 0.8
#: Distance from the median of a site, in robust standard deviations, beyond which a scan stands out.
FAR = 3.5
#: Scans of a site that a median needs.
FEWEST = 5
#: What is worse than the site's median, -1 for less of it, 1 for more, 0 for either; and the share of the median
#: that a difference must reach besides, as scans of a site that are all but equal differ by many deviations of nothing.
_WORSE = {"overlap": (-1, 0.05), "template_correlation": (-1, 0.1), "foreground_share": (0, 0.1), "noise": (1, 0.5)}

NUMBERS = tuple(_WORSE)


@dataclass(frozen=True)
class Quality:
    """Quality of one scan.

    Attributes
    ----------
    overlap
        Dice coefficient, in [0, 1], of the foreground near the template's brain with the template's brain mask.
    template_correlation
        Pearson correlation with the template within its mask, in [-1, 1].
    foreground_share
        Share of the grid's voxels in the brain mask, in [0, 1].
    noise
        Standard deviation of the noise (Immerkaer, CVIU 1996, its difference operator along two axes) within the mask,
        over the median value there; at least 0.
    """

    overlap: float
    template_correlation: float
    foreground_share: float
    noise: float


def quality(
    volume: NDArray[np.float32],
    mask: NDArray[np.bool_],
    template: NDArray[np.float32],
    template_mask: NDArray[np.bool_],
) -> Quality:
    """Measure a scan before intensity normalisation; all arrays have the shape of the grid (x, y, z)."""
    near = binary_dilation(template_mask, iterations=2)
    values = volume[near & (volume > volume.min())]
    foreground = binary_fill_holes((volume > (values.mean() / 2 if values.size else np.inf)) & near)
    both = foreground.sum() + template_mask.sum()
    dice = 2 * (foreground & template_mask).sum() / both if both else float("nan")
    inside, wanted = volume[template_mask], template[template_mask]
    varies = inside.size > 1 and inside.std() > 0 and wanted.std() > 0
    middle = float(np.median(volume[mask])) if mask.any() else 0.0
    return Quality(
        float(dice),
        float(np.corrcoef(inside, wanted)[0, 1]) if varies else float("nan"),
        float(mask.mean()),
        _noise(volume, mask) / middle if middle > 0 else float("nan"),
    )


def flags(report: pd.DataFrame) -> pd.Series:
    """Why each scan should be looked at, in words; "" where nothing stands out.

    Parameters
    ----------
    report
        Columns ``site`` and :data:`NUMBERS`, one row per scan.
    """
    words: list[list[str]] = [[] for _ in range(len(report))]
    for row, overlap in enumerate(report["overlap"]):
        if not overlap >= LEAST_OVERLAP:
            words[row].append(f"overlap {overlap:.2f} is below {LEAST_OVERLAP}")
    for _, rows in report.groupby("site").indices.items():
        if len(rows) < FEWEST:
            continue
        for name, (direction, share) in _WORSE.items():
            values = report[name].to_numpy(float)[rows]
            middle = np.nanmedian(values)
            scale = 1.4826 * np.nanmedian(np.abs(values - middle))
            for row, value in zip(rows, values, strict=True):
                worse = abs(value - middle) if direction == 0 else direction * (value - middle)
                if worse > max(FAR * scale, share * abs(middle)):
                    words[row].append(f"{name} {value:.3g} is far from the site's median {middle:.3g}")
    return pd.Series(["; ".join(each) for each in words], index=report.index, dtype=object)


def _noise(volume: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    # The difference of two Laplacians leaves structure out and keeps noise; its mask sums squares to 36.
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float64)[:, :, None]
    response = convolve(volume.astype(np.float64), kernel)[mask]
    return float(np.sqrt(np.pi / 2) * np.abs(response).mean() / 6)

"""Reconstruction: how much of the volume an LDR, and a style code where there is one, can give back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.metrics.arrays import Options, numbers, options_of, scans_of
from benchmark.metrics.bootstrap import bounded_interval, mean_of_site_means, mean_replicates
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

#: By column of the embeddings: root mean squared error in normalised intensity, peak signal-to-noise ratio in dB,
#: structural similarity.
METRICS = {
    "rec_rmse": Metric("reconstruction", "rmse", version=2, higher_is_better=False, highest=math.inf),
    "rec_psnr": Metric(
        "reconstruction", "psnr_db", version=2, higher_is_better=True, lowest=-math.inf, highest=math.inf
    ),
    "rec_ssim": Metric("reconstruction", "ssim", version=2, higher_is_better=True, lowest=-1.0),
}


@reproducible()
def mean_over_sites(
    values: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    subject: npt.ArrayLike,
    lowest: float = -math.inf,
    highest: float = math.inf,
    **options: Unpack[Options],
) -> Estimate:
    """Mean over sites of each site's mean of a number that every scan has, such as the quality of its reconstruction.

    Parameters
    ----------
    values
        Shape (n_scans,).
    lowest, highest
        Bounds of a value, at which the interval is cut.

    Returns
    -------
    Estimate
        n in scans, one at least; NaN with a note where a scan has no finite value.
    """
    given = numbers("values", values, np.size(values))
    scans, settings = scans_of(np.nan_to_num(given)[:, None], site=site, subject=subject, **options)
    value = given[scans.other["row"]]
    bad = int((~np.isfinite(value)).sum())
    if bad:
        return Estimate(math.nan, len(value), note=f"{bad} of {len(value)} scans have no finite value")
    replicates = mean_replicates(value, scans.subject, scans.site, settings.bootstrap, settings.seed)
    low, high = bounded_interval(replicates, lowest, highest)
    mean = mean_of_site_means(value, scans.site)
    return Estimate(mean, len(value), ci_low=low, ci_high=high, replicates=replicates)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Mean quality of the reconstructions inside the mask, over sites of each site's mean: :func:`mean_over_sites`.

    The values come with the embeddings, one per scan, shape (scans,) each, as defined by
    :func:`benchmark.methods.image_quality.reconstruction_quality`, for a model's scans cannot be decoded from their
    LDRs here. With the error e between a reconstruction and its volume, at the voxels of the mask:

    - RMSE = sqrt(mean e²), in normalised intensity, in [0, ∞), lower is better (Wang & Bovik, IEEE SPM 2009);
    - PSNR = 20 log10(range / RMSE) in dB, range being that of the volume inside the mask, unbounded, higher is better,
      comparable for the same volumes alone (Huynh-Thu & Ghanbari, Electronics Letters 2008);
    - SSIM = mean (2 μ_x μ_y + c1) (2 σ_xy + c2) / ((μ_x² + μ_y² + c1) (σ_x² + σ_y² + c2)) over cubic windows, in [-1,
      1], higher is better (Wang et al., IEEE TIP 2004).

    Returns
    -------
    list of Score
        One a column that the embeddings have, none for a method that does not reconstruct.
    """
    found = []
    for column in (one for one in METRICS if one in scans.other):
        metric, value = METRICS[column], pd.to_numeric(scans.other[column], errors="coerce").to_numpy(np.float64)
        options = options_of(scans, settings) | {"reference": None}
        result = mean_over_sites(value, site=scans.site, lowest=metric.lowest, highest=metric.highest, **options)
        found.append(result.score(metric, {"inside": "mask"}))
    return found

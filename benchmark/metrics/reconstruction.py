"""Reconstruction: how much of the volume an LDR, and a style code where there is one, can give back."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmark.metrics.bootstrap import interval, mean_of_site_means, subject_replicates
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

#: By column of the embeddings: root mean squared error in normalised intensity, peak signal-to-noise ratio in dB,
#: structural similarity.
METRICS = {
    "rec_rmse": Metric("reconstruction", "rmse", version=1, higher_is_better=False, highest=math.inf),
    "rec_psnr": Metric(
        "reconstruction", "psnr_db", version=1, higher_is_better=True, lowest=-math.inf, highest=math.inf
    ),
    "rec_ssim": Metric("reconstruction", "ssim", version=1, higher_is_better=True, lowest=-1.0),
}


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Mean quality of the reconstructions inside the mask, over sites of each site's mean.

    The values come with the embeddings, one a scan, as :func:`seada.image_quality.reconstruction_quality` defines
    them (SSIM after Wang et al., IEEE TIP 2004), for a model's scans cannot be decoded from their LDRs here.

    Returns
    -------
    list of Score
        One a column that the embeddings have, none for a method that does not reconstruct; n in scans.
    """
    found = []
    for column, metric in METRICS.items():
        if column not in scans.other:
            continue
        value = pd.to_numeric(scans.other[column], errors="coerce").to_numpy(np.float64)
        bad = int((~np.isfinite(value)).sum())
        if bad:
            reason = f"{bad} of {len(value)} scans have no finite value"
            found.append(Score(metric, key_values(inside="mask"), math.nan, len(value), reason=reason))
            continue
        replicates = subject_replicates(value[:, None], scans.subject, scans.site, settings.bootstrap, settings.seed)[
            :, 0
        ]
        low, high = interval(replicates)
        mean = mean_of_site_means(value, scans.site)
        found.append(
            Score(
                metric,
                key_values(inside="mask"),
                mean,
                len(value),
                ci_low=low,
                ci_high=high,
                replicates=replicates,
            )
        )
    return found

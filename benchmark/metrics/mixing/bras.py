"""BRAS: are scans of one diagnosis closer to their own site than to the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import CoordinateOptions, by_coordinates
from benchmark.metrics.folds import Integers
from benchmark.metrics.mixing.neighbours import Mixing
from benchmark.metrics.probes import Floats
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

BRAS = Metric("leakage", "bras", version=2, higher_is_better=True)


@reproducible()
def bras(
    ldr: npt.ArrayLike, site: npt.ArrayLike, diagnosis: npt.ArrayLike, **options: Unpack[CoordinateOptions]
) -> Estimate:
    """Batch-removal-adapted silhouette of the sites within diagnoses, cosine distance; higher is better mixed.

    Rautenstrauch & Ohler, Nature Biotechnology 2025: of LDRs of shape (scans, dimensions), for a scan with mean
    distance a to scans of its diagnosis at its own site, and b to those at all other sites together, s = (b - a) /
    max(a, b); BRAS is the mean over diagnoses of the mean of 1 - |s|, in [0, 1]. Scans without a diagnosis are left
    out, as are diagnoses with scans of one site alone, or with one scan per site. Chance is the mean over
    permutations of the sites over subjects.

    Returns
    -------
    Estimate
        n in scans that count; NaN with a note where no diagnosis counts.
    """
    mixing = Mixing.of(ldr, site, diagnosis, **options)
    scans = mixing.scans
    counted = 0 if mixing.reason else silhouettes(mixing.features, scans.diagnosis, mixing.site)[1]
    none = "" if counted else "no diagnosis has scans of two sites, two of one of them"
    return mixing.compared(lambda site: silhouettes(mixing.features, scans.diagnosis, site)[0], counted, none)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`bras`, one a kind of coordinates."""
    return [
        bras(part.ldr, part.site, part.diagnosis, **options).score(
            BRAS, {**params, "distance": "cosine", "label": "diagnosis"}
        )
        for part, options, params in by_coordinates(scans, settings)
    ]


def silhouettes(features: Floats, diagnosis: npt.NDArray[np.str_], site: Integers) -> tuple[float, int]:
    """BRAS, NaN where no diagnosis counts, and the scans that count.

    Parameters
    ----------
    features
        Shape (scans, dimensions).
    diagnosis, site
        Shape (scans,); an empty diagnosis is unknown.
    """
    means, counted = [], 0
    for one in np.unique(diagnosis[diagnosis != ""]):
        here = diagnosis == one
        sites = len(np.unique(site[here]))
        if sites in (1, int(here.sum())):
            continue
        means.append(float((1 - np.abs(_silhouette(features[here], site[here]))).mean()))
        counted += int(here.sum())
    return (float(np.mean(means)) if means else math.nan), counted


def _silhouette(features: Floats, site: Integers) -> Floats:
    norm = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.where(norm > 0, norm, 1.0)
    distance = 1 - unit @ unit.T
    np.fill_diagonal(distance, 0.0)
    same = site[:, None] == site
    own, others = same.sum(axis=1), (~same).sum(axis=1)
    within = np.where(same, distance, 0.0).sum(axis=1) / np.maximum(own - 1, 1)
    between = np.where(same, 0.0, distance).sum(axis=1) / np.maximum(others, 1)
    larger = np.maximum(within, between)
    # A site's only scan has no distance within its site: its silhouette is 0, as in the source.
    defined = (own > 1) & (larger > 0)
    values: Floats = np.where(defined, (between - within) / np.where(larger > 0, larger, 1.0), 0.0)
    return values

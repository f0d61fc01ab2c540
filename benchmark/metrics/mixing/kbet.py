"""kBET: do neighbourhoods have the same mix of sites as the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from benchmark.metrics.arrays import CoordinateOptions, by_coordinates
from benchmark.metrics.folds import Integers
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.mixing.neighbours import Mixing, most_neighbours, nearest
from benchmark.metrics.probes import Floats
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

KBET = Metric("leakage", "kbet", version=2, higher_is_better=True)

#: Level of each neighbourhood's test.
ALPHA = 0.05

#: Neighbours of a scan.
NEIGHBOURS = 50


@reproducible()
def kbet(
    ldr: npt.ArrayLike, site: npt.ArrayLike, *, neighbours: int = NEIGHBOURS, **options: Unpack[CoordinateOptions]
) -> Estimate:
    """Share of neighbourhoods whose mix of sites a chi-squared test does not tell from the overall mix.

    Büttner et al., Nature Methods 2019: with f_s the share of site s in all scans, and o_s its scans among the k
    neighbours of a scan, χ² = Σ_s (o_s - k f_s)² / (k f_s) with sites - 1 degrees of freedom, and kBET is the share of
    scans with p ≥ 0.05. Neighbours have the shape (scans, k). In [0, 1], higher is better mixed; about 0.95 where sites
    are mixed at random, more where the test, with few expected scans of a site, is conservative: read it beside its
    chance, the mean over permutations of the sites over subjects. Departures: a subject's own scans are no neighbours;
    every scan is tested, with 50 neighbours or as many as there are, none chosen to fit.

    Parameters
    ----------
    neighbours
        Of a scan, at most.

    Returns
    -------
    Estimate
        n in scans; NaN with a note for one site, a site with one scan, fewer than ten neighbours, or a constant LDR.
    """
    mixing = Mixing.of(ldr, site, **options)
    used = most_neighbours(mixing.owner, neighbours)
    few = "" if used >= 10 else f"{used} neighbours; at least 10 are needed"
    index = np.zeros((0, 0), np.int64) if mixing.reason or few else nearest(mixing.features, mixing.owner, used)[0]
    return mixing.compared(lambda site: float((neighbourhood_p(index, site) >= ALPHA).mean()), len(mixing.site), few)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`kbet`, one a kind of coordinates."""
    found = []
    for part, options, params in by_coordinates(scans, settings):
        used = most_neighbours(codes_of(part.subject), NEIGHBOURS)
        told = {**params, "alpha": str(ALPHA), "neighbours": used}
        found.append(kbet(part.ldr, part.site, **options).score(KBET, told))
    return found


def neighbourhood_p(index: Integers, site: Integers) -> Floats:
    """Compute p of each neighbourhood's chi-squared test against the overall mix of sites, shape (scans,).

    Parameters
    ----------
    index
        Neighbours of each scan, shape (scans, neighbours).
    site
        Shape (scans,), numbers from 0, every one of them there.
    """
    sites = int(site.max()) + 1
    expected = np.bincount(site) / len(site) * index.shape[1]
    observed = np.stack([(site[index] == one).sum(axis=1) for one in range(sites)], axis=1)
    statistic = (np.square(observed - expected) / expected).sum(axis=1)
    p: Floats = chi2.sf(statistic, sites - 1)
    return p

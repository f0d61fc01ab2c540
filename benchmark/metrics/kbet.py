"""kBET: do neighbourhoods have the same mix of sites as the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2

from benchmark.metrics.folds import Integers
from benchmark.metrics.neighbours import mixings, most_neighbours, nearest
from benchmark.metrics.probes import Floats
from benchmark.metrics.rows import Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

KBET = Metric("leakage", "kbet", version=2, higher_is_better=True)

#: Level of each neighbourhood's test.
ALPHA = 0.05

#: Neighbours of a scan.
NEIGHBOURS = 50


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Share of neighbourhoods whose mix of sites a chi-squared test does not tell from the overall mix.

    Büttner et al., Nature Methods 2019: with f_s the share of site s in all scans, and o_s its scans among the k
    neighbours of a scan, χ² = Σ_s (o_s - k f_s)² / (k f_s) with sites - 1 degrees of freedom, and kBET is the share of
    scans with p ≥ 0.05. Neighbours have the shape (scans, k). In [0, 1], higher is better mixed; about 0.95 where sites
    are mixed at random, more where the test, with few expected scans of a site, is conservative: read it beside its
    chance, the mean over permutations of the sites over subjects. Departures: a subject's own scans are no neighbours;
    every scan is tested, with 50 neighbours or as many as there are, none chosen to fit.

    Returns
    -------
    list of Score
        One a kind of coordinates; n in scans; NaN with a reason for one site, a site with one scan, fewer than ten
        neighbours, or a constant LDR.
    """
    found = []
    for mixing in mixings(scans, settings):
        neighbours = most_neighbours(mixing.owner, NEIGHBOURS)
        params = mixing.text(alpha=str(ALPHA), neighbours=neighbours)
        reason = mixing.reason or ("" if neighbours >= 10 else f"{neighbours} neighbours; at least 10 are needed")
        if reason:
            found.append(Score(KBET, params, math.nan, len(mixing.part), reason=reason))
            continue
        index, _ = nearest(mixing.features, mixing.owner, neighbours)
        value, *chance = (
            float((neighbourhood_p(index, site) >= ALPHA).mean()) for site in (mixing.site, *mixing.dealt)
        )
        found.append(Score(KBET, params, value, len(mixing.part), chance=float(np.mean(chance))))
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

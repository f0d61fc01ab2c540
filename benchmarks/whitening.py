"""How many scans per dimension whitening takes: kNN for the site, whitened by a sample and by the truth.

``python -m benchmarks.whitening`` prints the share of kNN's excess over chance that is left when coordinates are
whitened by so many scans per dimension, of what is left when they are whitened by the true covariance. The scans that
whiten are the scored ones, as in `evaluate` on a table without a split. It takes less than a minute on one core.
"""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from benchmark.metrics.feature_scaling import transform

SITES = 8
SCANS = 600
REPEATS = 10
PER_DIMENSION = (2, 3, 5, 10, 20, 50)
#: Distance of site means from their centre, in standard deviations of the directions that know the site.
SHIFT = 2.0
#: Directions that know the site, from the one of largest variance on.
SITE_DIRECTIONS = 3


def excess(features: npt.NDArray[np.float64], site: npt.NDArray[np.int_]) -> float:
    """Balanced accuracy of kNN (10 neighbours, 5 folds) above chance; features of shape (scans, dimensions)."""
    named = cross_val_predict(KNeighborsClassifier(10), features, site, cv=5)
    return float(balanced_accuracy_score(site, named)) - 1 / SITES


def kept(per_dimension: int, seed: int) -> tuple[float, float]:
    """Excess of kNN whitened by the sample and by the truth, of as many dimensions as there are scans for."""
    random = np.random.default_rng(seed)
    dimensions = max(SCANS // per_dimension, SITE_DIRECTIONS)
    site = np.arange(SCANS) % SITES
    true = random.normal(size=(SCANS, dimensions))
    means = random.normal(size=(SITES, SITE_DIRECTIONS)) * SHIFT
    true[:, :SITE_DIRECTIONS] += (means - means.mean(axis=0))[site]
    true[:, :SITE_DIRECTIONS] /= np.sqrt(1 + means.var(axis=0))
    # Variances that fall as in LDRs: none of it changes the whitening by the truth.
    scans = true * np.arange(1, dimensions + 1) ** -0.5
    return excess(transform(scans, scans, "whitened"), site), excess(true, site)


def main() -> None:
    """Print a line per number of scans for each dimension."""
    sys.stdout.write("scans/dimension  whitened by sample  by truth  share left\n")
    for per_dimension in PER_DIMENSION:
        sample, truth = np.mean([kept(per_dimension, seed) for seed in range(REPEATS)], axis=0)
        sys.stdout.write(f"{per_dimension:15d}  {sample:18.3f}  {truth:8.3f}  {sample / truth:10.2f}\n")


if __name__ == "__main__":
    main()

"""How much of the site linear harmonisation leaves because it estimates the sites' means from few training scans.

``python -m benchmarks.erasing`` prints how well the suite's linear and MLP probes name the site of new scans, means
over simulated data sets, after LEACE and after centring by site, for each number of training scans per site and of
remaining dimensions. Within each of eight sites the dimensions are independent with variance 1; the sites' means lie
three standard deviations from their centre in every dimension, as in an LDR that nothing was removed from. Sites differ
in their means alone, so that with the true means nothing would be left. It takes about three minutes on one core.
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from benchmark.methods.erasure import erasing_projection, site_effects
from benchmark.metrics import site_probe

SITES = 8
SHIFT = 3.0
#: New scans of each site, as in the ``reference`` sweep.
SCORED = 168
REPEATS = 5
SCANS_PER_SITE = (25, 65, 188)
DIMENSIONS = (8, 24)
HARMONISERS = ("leace", "centring")


def left(scans_per_site: int, dimensions: int, harmoniser: str, seed: int) -> dict[str, float]:
    """Balanced accuracy of the linear probe and the MLP on new scans with so many remaining ``dimensions``."""
    random = np.random.default_rng(seed)
    before = dimensions + (SITES - 1 if harmoniser == "leace" else 0)
    means = random.normal(size=(SITES, before)) * SHIFT
    sites = {"train": np.arange(scans_per_site * SITES) % SITES, "new": np.arange(SCORED * SITES) % SITES}
    train, new = (torch.as_tensor(means[site] + random.normal(size=(len(site), before))) for site in sites.values())
    known = torch.as_tensor(sites["train"])
    if harmoniser == "leace":
        nothing = torch.zeros(len(train), 0, dtype=train.dtype)
        projection = erasing_projection(train - train.mean(dim=0), site_effects(train, known, nothing))
        axes = torch.linalg.svd(projection)[0][:, :dimensions]
        vectors = (new - train.mean(dim=0)) @ projection.T @ axes
    else:
        centres = torch.stack([train[known == site].mean(dim=0) for site in range(SITES)])
        vectors = new - centres[torch.as_tensor(sites["new"])]
    return {
        probe: site_probe(vectors.numpy(), sites["new"], probe=probe, bootstrap=0, permutations=0).value
        for probe in ("linear", "mlp")
    }


def main() -> None:
    """Print a line per harmoniser, number of dimensions and number of scans."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    sys.stdout.write(f"harmoniser  dimensions  scans/site  linear    MLP   (chance {1 / SITES:.3f})\n")
    for harmoniser in HARMONISERS:
        for dimensions in DIMENSIONS:
            for scans in SCANS_PER_SITE:
                found = [left(scans, dimensions, harmoniser, seed) for seed in range(REPEATS)]
                linear, mlp = (np.mean([each[probe] for each in found]) for probe in ("linear", "mlp"))
                sys.stdout.write(f"{harmoniser:10s}  {dimensions:10d}  {scans:10d}  {linear:6.3f}  {mlp:5.3f}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()

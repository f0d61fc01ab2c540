"""What held-out subjects are drawn from: one stratified draw over all sites, dealt out to them at random."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, qmc

from benchmark.prepare.phantom.biology import DRAWS
from benchmark.prepare.phantom.settings import PhantomSettings
from benchmark.prepare.phantom.sites import Site, first_sites
from benchmark.seeds import generator

#: Diagnoses of held-out subjects, as many of each.
DIAGNOSES = ("CN", "MCI", "AD")
#: Group of the subjects who are scanned at every site.
TRAVELLING = "travelling"
#: Mean age and its standard deviation, in years; held-out subjects are spread evenly over two of them.
AGE_MEAN, AGE_SD = 71.0, 6.0


@cache
def held_out_draws(settings: PhantomSettings, diagnosis: str) -> NDArray[np.float64]:
    """Draws of all held-out subjects of a diagnosis, a Latin hypercube.

    Each number takes exactly one value from each of n equally likely ranges (McKay, Beckman, Conover, Technometrics
    1979): mild and grave cases, small and large ventricles are as frequent in every phantom, whose luck would
    otherwise move the scores of every method. The draw is one over all sites, so that which of its subjects a site has
    says nothing: were each site stratified alone, the true anatomy would tell sites apart less often than by chance.

    Parameters
    ----------
    settings
        The phantom's seed and numbers of subjects and sites are used.
    diagnosis
        One of :data:`DIAGNOSES`.

    Returns
    -------
    numpy.ndarray
        Shape (subjects, DRAWS + 2): standard normal numbers for :func:`benchmark.prepare.phantom.biology.biology`, then
        age and sex as shares in [0, 1].
    """
    rng = generator(settings.seed, "held-out draws", diagnosis)
    shares = qmc.LatinHypercube(DRAWS + 2, rng=rng).random(len(_slots(settings, diagnosis)))
    return np.hstack([norm.ppf(shares[:, :DRAWS]), shares[:, DRAWS:]])


@cache
def dealt(settings: PhantomSettings, diagnosis: str) -> dict[str, list[int]]:
    """Rows of :func:`held_out_draws` of every site and of :data:`TRAVELLING`.

    At a ``test_confounding`` of 0 the rows are dealt out at random. Above, old subjects go rather to the sites whose
    participants are old.
    """
    slots, sites = _slots(settings, diagnosis), first_sites(settings.sites)
    rng = generator(settings.seed, "dealing", diagnosis)
    share = settings.test_confounding
    towards = np.array([0.0 if slot == TRAVELLING else (sites[slot].age - AGE_MEAN) / AGE_SD for slot in slots])
    rank = np.argsort(share * towards + np.sqrt(1 - share**2) * rng.standard_normal(len(slots)), kind="stable")
    by_age = np.argsort(held_out_draws(settings, diagnosis)[:, DRAWS], kind="stable")
    hands: dict[str, list[int]] = {group: [] for group in (*sites, TRAVELLING)}
    for slot, row in zip(rank.tolist(), by_age.tolist(), strict=True):
        hands[slots[slot]].append(row)
    return {group: sorted(rows) for group, rows in hands.items()}


def mix(site: Site, sites: dict[str, Site], confounding: float) -> NDArray[np.float64]:
    """Shares of CN, MCI and AD at a site: its own at a confounding of 1, those of all sites together at 0."""
    sizes = np.array([other.size for other in sites.values()], float)
    pooled = np.average([other.mix for other in sites.values()], axis=0, weights=sizes)
    shares = np.asarray((1 - confounding) * pooled + confounding * np.array(site.mix), np.float64)
    shares /= shares.sum()
    return shares


def _slots(settings: PhantomSettings, diagnosis: str) -> list[str]:
    """Where the held-out subjects of a diagnosis belong, one entry per subject."""
    which = DIAGNOSES.index(diagnosis)
    slots = [TRAVELLING] * (settings.travelling_subjects // len(DIAGNOSES))
    for name, site in first_sites(settings.sites).items():
        share = settings.test_confounding
        shares = (1 - share) / len(DIAGNOSES) + share * np.array(site.mix) / sum(site.mix)
        # Rounding the running total, not each share, keeps the sum.
        edges = np.round(settings.test_subjects * np.cumsum([0.0, *shares])).astype(int)
        slots += [name] * int(edges[which + 1] - edges[which])
    return slots

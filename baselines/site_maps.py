"""One affine map per site that takes its LDRs to those of all sites: by moments, whatever the subjects are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from sklearn.covariance import ledoit_wolf

from benchmark.methods.errors import MethodError
from benchmark.methods.harmoniser import (
    Array,
    Covariate,
    Fitted,
    Harmoniser,
    Sites,
    check_finite,
    checked,
    one_new_site,
    rows_of,
)

Moments = Literal["mean", "variances", "covariance", "transport"]
#: Directions with less of the largest variance than this count as none.
NOTHING = 1e-10


@dataclass(frozen=True)
class SiteMaps(Fitted):
    """Fitted maps: a scan x of site s becomes mean + (x - mean of s) @ map of s.

    Attributes
    ----------
    moments
        What the maps make equal.
    sites
        In the order of the rows of ``centres`` and ``maps``.
    mean, within
        Mean of the training scans (feature,), and their covariance around their site's mean (feature, feature).
    centres, maps
        Shapes (site, feature) and (site, feature, feature).
    """

    moments: tuple[str]
    sites: tuple[str, ...]
    mean: Array
    within: Array
    centres: Array
    maps: Array

    def apply(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Array:
        """Mapped features; covariates are not looked at."""
        check_finite("AlignMoments", features, covariates.iloc[:, :0])
        rows = rows_of("AlignMoments", self.sites, site)
        mapped: Array = self.mean + np.einsum("sf,sfg->sg", features - self.centres[rows], self.maps[rows])
        return mapped

    def extended(self, features: Array, site: Sites, covariates: pd.DataFrame) -> SiteMaps:
        """A map for a further site, to the same mean and covariance."""
        checked("AlignMoments", features, site, covariates.iloc[:, :0])
        name = one_new_site("AlignMoments", self.sites, site)
        centre = features.mean(axis=0)
        fitted = _map(self.moments[0], features - centre, self.within)
        return replace(
            self,
            sites=(*self.sites, name),
            centres=np.concatenate([self.centres, centre[None]]),
            maps=np.concatenate([self.maps, fitted[None]]),
        )


class AlignMoments(Harmoniser):
    """Give every site's LDRs the moments of all: the mean, and on request variances or the covariance.

    Covariances are shrunk (Ledoit & Wolf, J Multivar Anal 2004), as sites have few scans. There are no covariates:
    what differs between the sites' subjects goes as well.

    Parameters
    ----------
    moments
        What is made equal: the ``mean``; its ``variances`` too, per dimension; the ``covariance`` by whitening and
        colouring, as in CORAL (Sun et al., AAAI 2016), from which it departs by mapping every site to all sites; or the
        covariance by the ``transport`` map between normal distributions, which moves LDRs least (Flamary et al.,
        Concentration bounds for linear Monge mapping, 2019).
    """

    fitted_type: ClassVar[type[Fitted]] = SiteMaps

    def __init__(self, moments: Moments = "variances") -> None:
        self.covariates: list[Covariate] = []
        self.moments = moments

    def fit(self, features: Array, site: Sites, covariates: pd.DataFrame) -> SiteMaps:
        """Fit a map of each site."""
        checked("AlignMoments", features, site, covariates.iloc[:, :0])
        sites = tuple(str(name) for name in sorted(set(site)))
        if len(sites) < 2:
            raise MethodError(f"AlignMoments needs scans of at least 2 sites to fit, got only '{sites[0]}'")
        code = np.array(rows_of("AlignMoments", sites, site))
        centres = np.stack([features[code == one].mean(axis=0) for one in range(len(sites))])
        around = features - centres[code]
        within = around.T @ around / len(around)
        maps = np.stack([_map(self.moments, around[code == one], within) for one in range(len(sites))])
        return SiteMaps((self.moments,), sites, features.mean(axis=0), within, centres, maps)


def _map(moments: str, around: Array, target: Array) -> Array:
    """What takes rows with a mean of 0 to the target's covariance, shape (feature, feature)."""
    features = around.shape[1]
    if moments == "mean":
        return np.eye(features)
    wanted = np.diag(target)
    flat = wanted <= NOTHING * wanted.max()
    if moments == "variances":
        found = around.var(axis=0)
        # Where nothing varies there is nothing to scale.
        scale = np.sqrt(wanted / np.where(found > 0, found, 1.0))
        return np.diag(np.where(flat | (found == 0), 1.0, scale))
    # Shrunk in units of the target's SD: a sphere in other units is no covariance that LDRs could have.
    unit = np.sqrt(np.where(flat, 1.0, wanted))
    source = ledoit_wolf(around / unit, assume_centered=True)[0] * unit[:, None] * unit
    if moments == "covariance":
        return _root(source, -0.5) @ _root(target, 0.5)
    half, inverse = _root(source, 0.5), _root(source, -0.5)
    return inverse @ _root(half @ target @ half, 0.5) @ inverse


def _root(covariance: Array, power: float) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    kept = values > NOTHING * values[-1]
    powered: Array = vectors[:, kept] * values[kept] ** power @ vectors[:, kept].T
    return powered

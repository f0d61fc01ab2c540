"""CovBat: ComBat, then the same for the principal components of what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from baselines.harmonisation import Harmonisation
from benchmark.methods.errors import MethodError
from benchmark.methods.harmoniser import Array, Covariate, Fitted, Harmoniser, Sites


@dataclass(frozen=True)
class HarmonisedComponents(Fitted):
    """Fitted CovBat.

    Attributes
    ----------
    combat
        Of the features.
    axes
        Principal axes of its residuals, shape (varying feature, component); only those that are harmonised.
    components
        Location and scale of the sites along the axes.
    """

    combat: Harmonisation
    axes: Array
    components: Harmonisation

    def apply(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Array:
        """Harmonised features."""
        harmonised = self.combat.apply(features, site, covariates)
        scores = self.combat.residuals(harmonised, covariates) @ self.axes
        moved = self.components.apply(scores, site, covariates.iloc[:, :0]) - scores
        harmonised[:, self.combat.varying] += moved @ self.axes.T * np.sqrt(self.combat.pooled_variance)
        return harmonised

    def extended(self, features: Array, site: Sites, covariates: pd.DataFrame) -> HarmonisedComponents:
        """With a further site, along the same axes."""
        combat = self.combat.extended(features, site, covariates)
        harmonised = combat.apply(features, site, covariates)
        scores = combat.residuals(harmonised, covariates) @ self.axes
        further = self.components.extended(scores, site, covariates.iloc[:, :0], empirical_bayes=False)
        return replace(self, combat=combat, components=further)


class CovBat(Harmoniser):
    """Location, scale and covariance of the sites (Chen et al., Hum Brain Mapp 2022).

    Scans are harmonised by ComBat; the principal components of the residuals, standardised, are then given the same
    mean and variance at every site, without empirical Bayes.

    Parameters
    ----------
    covariates
        What is preserved as a linear effect: any of ``age`` and ``sex``; both by default.
    variance
        Share of the residuals' variance in the components that are harmonised, in (0, 1].

    Raises
    ------
    MethodError
        If ``variance`` is out of range.
    """

    fitted_type: ClassVar[type[Fitted]] = HarmonisedComponents

    def __init__(self, covariates: list[Covariate] | None = None, variance: float = 0.95) -> None:
        self.covariates: list[Covariate] = ["age", "sex"] if covariates is None else list(covariates)
        self.variance = variance
        if not 0 < variance <= 1:
            raise MethodError(f"variance: {variance} is not allowed; it must be a share in (0, 1]")

    def fit(self, features: Array, site: Sites, covariates: pd.DataFrame) -> HarmonisedComponents:
        """Fit ComBat, the axes, and the sites along them."""
        combat = Harmonisation.fit(features, site, covariates)
        residuals = combat.residuals(combat.apply(features, site, covariates), covariates)
        values, vectors = np.linalg.eigh(np.cov(residuals, rowvar=False, bias=True))
        shares = np.cumsum(values[::-1]) / values.sum()
        # ComBat takes two features at least.
        kept = max(int(np.searchsorted(shares, self.variance - 1e-12) + 1), 2)
        axes = vectors[:, ::-1][:, :kept].copy()
        none = covariates.iloc[:, :0]
        return HarmonisedComponents(
            combat, axes, Harmonisation.fit(residuals @ axes, site, none, empirical_bayes=False)
        )

"""ComBat on finished LDRs."""

from __future__ import annotations

from typing import ClassVar

import pandas as pd

from baselines.harmonisation import Harmonisation
from baselines.post_hoc import PostHoc, UnseenSite
from benchmark.methods.errors import MethodError
from benchmark.methods.harmoniser import Array, Covariate, Fitted, Harmoniser, Sites
from benchmark.methods.representation import RepresentationModule


class LocationScale(Harmoniser):
    """Location and scale of the sites by empirical Bayes: ComBat, through neuroHarmonize.

    Johnson et al., Biostatistics 2007; for MRI Fortin et al., NeuroImage 2018; with a smooth effect of age
    ComBat-GAM, Pomponio et al., NeuroImage 2020.

    Parameters
    ----------
    covariates
        What is preserved: any of ``age`` and ``sex``; both by default.
    smooth_age
        Whether the effect of age is a penalised spline and not linear.

    Raises
    ------
    MethodError
        For a smooth effect of age without age among the covariates.
    """

    fitted_type: ClassVar[type[Fitted]] = Harmonisation

    def __init__(self, covariates: list[Covariate] | None = None, smooth_age: bool = False) -> None:
        self.covariates: list[Covariate] = ["age", "sex"] if covariates is None else list(covariates)
        self.smooth_age = smooth_age
        if smooth_age and "age" not in self.covariates:
            raise MethodError("smooth_age: true is not allowed; it needs age among covariates")

    def fit(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Harmonisation:
        """Fit ComBat."""
        return Harmonisation.fit(features, site, covariates, smooth=("age",) if self.smooth_age else ())


class ComBat(PostHoc):
    """ComBat with linear effects of covariates on the LDR of another method.

    Parameters
    ----------
    base
        The method whose LDR is harmonised; it is trained exactly as on its own.
    covariates
        What is preserved as a linear effect: any of ``age`` and ``sex``; both by default.
    unseen_site
        See :class:`baselines.post_hoc.PostHoc`.
    """

    def __init__(
        self,
        base: RepresentationModule,
        covariates: list[Covariate] | None = None,
        unseen_site: UnseenSite = "transductive",
    ) -> None:
        super().__init__(base, LocationScale(covariates), unseen_site)
        self.covariates = self.harmoniser.covariates

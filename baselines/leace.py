"""LEACE on finished LDRs: the site erased by one affine map for all scans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
import torch

from benchmark.methods.erasure import erasing_projection, site_effects
from benchmark.methods.errors import MethodError
from benchmark.methods.harmoniser import Array, Covariate, Fitted, Harmoniser, Sites, check_finite, checked


@dataclass(frozen=True)
class ErasedSite(Fitted):
    """Fitted LEACE.

    Attributes
    ----------
    centre
        Mean of the training scans, shape (feature,).
    projection
        Shape (feature, feature).
    """

    centre: Array
    projection: Array

    def apply(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Array:
        """Features without what a linear map reads of the training sites; site and covariates are not looked at."""
        check_finite("LEACE", features, covariates.iloc[:, :0])
        return self.centre + (features - self.centre) @ self.projection.T

    def extended(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Fitted:
        """Never: LEACE is fitted on all sites at once.

        Raises
        ------
        MethodError
            Always.
        """
        raise MethodError("LEACE cannot be extended by a site; allowed: unseen_site: ignore, refuse")


class LEACE(Harmoniser):
    """Least-squares concept erasure of the site (Belrose et al., NeurIPS 2023).

    Parameters
    ----------
    covariates
        At equal values of which the sites are compared, any of ``age`` and ``sex``, so that what is due to the sites'
        mix of ages stays: a departure from the paper, which has no covariates. Both by default.
    """

    needs_site: ClassVar[bool] = False
    fitted_type: ClassVar[type[Fitted]] = ErasedSite

    def __init__(self, covariates: list[Covariate] | None = None) -> None:
        self.covariates: list[Covariate] = ["age", "sex"] if covariates is None else list(covariates)

    def fit(self, features: Array, site: Sites, covariates: pd.DataFrame) -> ErasedSite:
        """Fit the projection; a missing covariate counts as its mean."""
        checked("LEACE", features, site, covariates.iloc[:, :0])
        values = torch.as_tensor(features)
        code = torch.as_tensor(pd.factorize(site, sort=True)[0])
        known = torch.as_tensor(covariates.to_numpy("float64").reshape(len(features), -1))
        projection = erasing_projection(values, site_effects(values, code, known))
        return ErasedSite(features.mean(axis=0), projection.numpy())

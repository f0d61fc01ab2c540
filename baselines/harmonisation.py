"""ComBat of feature tables through neuroHarmonize, with its silent failures turned into errors.

neuroHarmonize (Pomponio et al., NeuroImage 2020) fits location and scale of every site by empirical Bayes
(Johnson et al., Biostatistics 2007). It answers many designs it cannot handle with NaN or with other numbers;
this wrapper owns the design matrix and checks what goes in and what comes out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
from neuroCombat.neuroCombat import find_parametric_adjustments
from neuroHarmonize import harmonizationLearn
from neuroHarmonize.harmonizationLearn import fitLSModelAndFindPriors
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from benchmark.methods.errors import MethodError
from benchmark.methods.harmoniser import Array, Fitted, Sites, check_finite, checked, one_new_site, rows_of

#: Dimensions with a smaller range than this, relative to the largest, are constant to ComBat.
CONSTANT = 1e-9
#: Ages in years that the splines of a smooth effect cover; beyond them it stays as it is at the end.
AGES = (0.0, 110.0)
_DEGREE = 3
#: Values of a covariate without which its splines are not told apart.
DIFFERENT = 10


@dataclass(frozen=True)
class Harmonisation(Fitted):
    """Fitted ComBat parameters, as arrays and strings only.

    Attributes
    ----------
    sites
        Sites that have parameters, in the order of the rows of ``gamma`` and ``delta``.
    covariates
        Names of the covariates that are preserved, in the order of the design matrix.
    varying
        Shape (feature,), bool: features that ComBat is applied to; a constant one passes unchanged.
    coefficients
        Regression coefficients, shape (site + column, varying feature); the columns are the covariates with a linear
        effect, then the splines of the smooth one.
    grand_mean, pooled_variance
        Shape (varying feature,).
    gamma, delta
        Location and scale of every site, shape (site, varying feature), in standardised units.
    smooth
        The covariate with a smooth effect; empty for none.
    knots
        Of its cubic B-splines.
    """

    sites: tuple[str, ...]
    covariates: tuple[str, ...]
    varying: NDArray[np.bool_]
    coefficients: Array
    grand_mean: Array
    pooled_variance: Array
    gamma: Array
    delta: Array
    smooth: tuple[str, ...] = ()
    knots: Array = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def fit(
        cls,
        features: Array,
        site: Sites,
        covariates: pd.DataFrame,
        smooth: tuple[str, ...] = (),
        empirical_bayes: bool = True,
    ) -> Harmonisation:
        """Fit on the training scans.

        Parameters
        ----------
        features
            Shape (scan, feature).
        site
            Shape (scan,).
        covariates
            One numeric column per covariate, row for row; may have no columns. Never the diagnosis.
        smooth
            One of the covariates, in years, whose effect is a penalised spline (ComBat-GAM); none by default.
        empirical_bayes
            Whether the sites' parameters are drawn towards each other over the features.

        Raises
        ------
        MethodError
            For fewer than two sites, a site with one scan, a missing covariate, a covariate that the sites
            determine, non-finite features, or a non-finite result; the message names the cause.
        """
        checked("ComBat", features, site, covariates)
        sites = tuple(sorted(set(site)))
        if len(sites) < 2:
            raise MethodError(f"ComBat needs scans of at least 2 sites to fit, got only '{sites[0]}'")
        _check_rank(site, covariates)
        spread = np.ptp(features, axis=0)
        varying = spread > CONSTANT * float(max(spread.max(), np.finfo(np.float64).tiny))
        if varying.sum() < 2:
            raise MethodError(
                f"ComBat needs at least 2 features that vary over the training scans, got {varying.sum()} of "
                f"{len(varying)}: the representation has collapsed"
            )
        if smooth:
            covariates = covariates.assign(**{smooth[0]: np.clip(covariates[smooth[0]].to_numpy(np.float64), *AGES)})
            different = covariates[smooth[0]].nunique()
            if different < DIFFERENT:
                raise MethodError(
                    f"ComBat: a smooth effect of '{smooth[0]}' needs at least {DIFFERENT} different values from "
                    f"{AGES[0]:g} to {AGES[1]:g}, got {different}; take smooth_age: false"
                )
        with _numpy_state_kept():
            table = covariates.reset_index(drop=True).astype(np.float64).assign(SITE=site)
            options: dict[str, Any] = {"eb": empirical_bayes}
            if smooth:
                options |= {"smooth_terms": list(smooth), "smooth_term_bounds": AGES, "seed": 0}
            with redirect_stdout(StringIO()):
                model, _ = harmonizationLearn(features[:, varying], table, **options)
        fitted = cls(
            sites=tuple(str(name) for name in model["SITE_labels"]),
            covariates=tuple(covariates.columns),
            varying=varying,
            coefficients=np.asarray(model["B_hat"], np.float64),
            grand_mean=np.asarray(model["stand_mean"], np.float64)[:, 0],
            pooled_variance=np.asarray(model["var_pooled"], np.float64)[:, 0],
            gamma=np.asarray(model["gamma_star"], np.float64),
            delta=np.asarray(model["delta_star"], np.float64),
            smooth=smooth,
            knots=_knots_of(model["smooth_model"]),
        )
        return fitted._finite()

    def extended(
        self, features: Array, site: Sites, covariates: pd.DataFrame, empirical_bayes: bool = True
    ) -> Harmonisation:
        """Add location and scale of one new site, fitted on its scans; everything else stays as it is.

        Parameters and errors are those of :meth:`fit`; all rows are of one site that has no parameters yet.
        """
        checked("ComBat", features, site, covariates)
        self._check_covariates(covariates)
        name = one_new_site("ComBat", self.sites, site)
        flat = np.ptp(features[:, self.varying], axis=0) == 0
        if flat.any():
            raise MethodError(
                f"ComBat cannot be fitted to site '{name}': feature {np.flatnonzero(flat)[0]} is constant there"
            )
        # harmonizationLearn(orig_model=…) of neuroHarmonize 2.5.2 fails for new sites (it leaves out ref_level), so
        # the steps it would take are called one by one: standardise as the model does, then fit that site alone.
        standardised = self._standardised(features, self._effects(covariates)).T
        info = {"n_batch": 1, "batch_info": [list(range(len(features)))], "ref_level": None}
        with _numpy_state_kept():
            found = fitLSModelAndFindPriors(standardised, np.ones((len(features), 1)), info, eb=empirical_bayes)
            gamma, delta = found["gamma_hat"], found["delta_hat"]
            if empirical_bayes:
                gamma, delta = find_parametric_adjustments(standardised, found, info, mean_only=False)
        return replace(
            self,
            sites=(*self.sites, name),
            coefficients=np.insert(self.coefficients, len(self.sites), self.grand_mean, axis=0),
            gamma=np.vstack([self.gamma, np.asarray(gamma, np.float64)]),
            delta=np.vstack([self.delta, np.asarray(delta, np.float64)]),
        )._finite()

    def apply(self, features: Array, site: Sites, covariates: pd.DataFrame) -> Array:
        """Harmonise scans of sites that have parameters.

        Returns
        -------
        Array
            Shape (scan, feature), finite.

        Raises
        ------
        MethodError
            For a site without parameters, missing covariates or non-finite values.
        """
        self._check_covariates(covariates)
        row = rows_of("ComBat", self.sites, site)
        check_finite("ComBat", features, covariates)
        # harmonizationApply of neuroHarmonize does the same, but is only right where every fitted site has a scan.
        effects = self._effects(covariates)
        adjusted = (self._standardised(features, effects) - self.gamma[row]) / np.sqrt(self.delta[row])
        result = features.copy()
        result[:, self.varying] = adjusted * np.sqrt(self.pooled_variance) + self.grand_mean + effects
        if not np.isfinite(result).all():
            raise MethodError("ComBat gave values that are not finite for finite input; please report the design")
        return result

    def residuals(self, features: Array, covariates: pd.DataFrame) -> Array:
        """Standardised features (scan, varying feature) without grand mean and effects of covariates."""
        return self._standardised(features, self._effects(covariates))

    def _check_covariates(self, covariates: pd.DataFrame) -> None:
        # Columns in another order would silently be multiplied by each other's coefficients.
        if tuple(covariates.columns) != self.covariates:
            raise MethodError(
                f"ComBat was fitted with the covariates {list(self.covariates)}, got {list(covariates.columns)}"
            )

    def _effects(self, covariates: pd.DataFrame) -> Array:
        columns = covariates.drop(columns=list(self.smooth)).to_numpy(np.float64)
        if self.smooth:
            years = np.clip(covariates[self.smooth[0]].to_numpy(np.float64), *AGES)
            # As the library has it, the first spline is left out: the sites' means are in its place.
            splines = BSpline.design_matrix(years, self.knots, _DEGREE).toarray()[:, 1:]
            columns = np.hstack([columns, splines])
        effects: Array = columns @ self.coefficients[len(self.sites) :]
        return effects

    def _standardised(self, features: Array, effects: Array) -> Array:
        standardised: Array = (features[:, self.varying] - self.grand_mean - effects) / np.sqrt(self.pooled_variance)
        return standardised

    def _finite(self) -> Harmonisation:
        for name in ("coefficients", "gamma", "delta", "pooled_variance"):
            if not np.isfinite(getattr(self, name)).all():
                raise MethodError(f"ComBat: the fitted {name} are not finite; a site may have too few different scans")
        return self


def _knots_of(smooth_model: dict[str, Any]) -> Array:
    splines = smooth_model["bsplines_constructor"]
    return np.zeros(0) if splines is None else np.asarray(splines.smoothers[0].knots, np.float64)


def _check_rank(site: Sites, covariates: pd.DataFrame) -> None:
    dummies = pd.get_dummies(pd.Series(site)).to_numpy(np.float64)
    for i, name in enumerate(covariates.columns):
        values = covariates.iloc[:, : i + 1].to_numpy(np.float64)
        spread = np.where(values.std(axis=0) > 0, values.std(axis=0), 1)
        design = np.hstack([dummies, (values - values.mean(axis=0)) / spread])
        if np.linalg.matrix_rank(design) < design.shape[1]:
            raise MethodError(
                f"ComBat: covariate '{name}' is determined by the sites and the covariates before it, so their "
                "effects cannot be told apart; take it out of the method's covariates"
            )


@contextmanager
def _numpy_state_kept() -> Iterator[None]:
    # The library may seed NumPy's global generator; nobody else's draws may depend on that.
    state = np.random.get_state()  # noqa: NPY002 (it is the global generator that is guarded)
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002

"""Conditional leakage: the site that is left in an LDR once age, sex and diagnosis are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from benchmark.metrics.arrays import SubjectOptions, by_coordinates, scans_of
from benchmark.metrics.feature_scaling import Coordinates, transform, unreadable
from benchmark.metrics.folds import Integers, Pairs, design, stratified_folds
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.permutations import age_and_diagnosis_strata
from benchmark.metrics.probes import Floats, class_recalls
from benchmark.metrics.ridge import balanced_accuracies, ridge_predictions_given_age
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

Array = npt.NDArray[Any]

GAIN = Metric("leakage", "gain_over_covariates", version=1, higher_is_better=False, lowest=-1.0)
WITHIN = Metric("leakage", "within_strata", version=3, higher_is_better=False)


@reproducible()
def gain_over_covariates(
    ldr: npt.ArrayLike,
    site: npt.ArrayLike,
    *,
    age: npt.ArrayLike | None = None,
    sex: npt.ArrayLike | None = None,
    diagnosis: npt.ArrayLike | None = None,
    coordinates: Coordinates = "standardised",
    **options: Unpack[SubjectOptions],
) -> Estimate:
    """Leakage beyond what age, sex and diagnosis give away of the site.

    BA(LDR, c) - BA(c), c being age, its square, sex and diagnosis, and BA the balanced accuracy for the site (Brodersen
    et al., ICPR 2010) of logistic regression on LDRs of shape (scans, dimensions), out of fold with subjects kept
    together; in [-1, 1], about 0 (or a little below, for the LDR is then noise) where the LDR knows no more of the site
    than the covariates; lower is better. Why what a confound explains must be held apart, and how, also within folds:
    Snoek, Miletić & Scholte, NeuroImage 2019; the measure as it is here is ours.

    Returns
    -------
    Estimate
        n in scans. NaN with a note for a constant LDR, fewer than two sites, or fewer than two subjects at one (four
        scans are the least).
    """
    scans, settings = scans_of(ldr, site=site, age=age, sex=sex, diagnosis=diagnosis, **options)
    sites = design(scans.site, scans.subject, settings.folds, 0, 0)
    features = transform(scans.ldr, scans.reference, coordinates)
    note = sites.reason or unreadable(scans.ldr, features)
    if sites.truth is None or note:
        return Estimate(math.nan, len(scans), chance=0.0, note=note)
    covariates = covariate_features(scans)
    both = np.concatenate([features, covariates], axis=1)
    accuracy = [_accuracy(one, sites.truth.codes, sites.truth.pairs) for one in (covariates, both)]
    return Estimate(accuracy[1] - accuracy[0], len(scans), chance=0.0)


@reproducible()
def leakage_within_strata(
    ldr: npt.ArrayLike,
    site: npt.ArrayLike,
    *,
    age: npt.ArrayLike | None = None,
    diagnosis: npt.ArrayLike | None = None,
    age_strata: int = 2,
    coordinates: Coordinates = "standardised",
    **options: Unpack[SubjectOptions],
) -> Estimate:
    """Leakage within strata of diagnosis and age.

    Σ_s n_s BA_s / Σ_s n_s, BA_s being the balanced accuracy of a ridge classifier that is trained and tested within
    stratum s of diagnosis and age, on LDRs of shape (scans, dimensions), n_s its scans; in [0, 1], lower is better, by
    chance 1 / sites, in the same mean over strata. A stratum counts with the sites that have two subjects in it, if
    there are two such sites. Sites still differ in age within a stratum; a line in age is therefore taken out of the
    stratum's LDRs, by least squares within each fold's training part
    (:func:`benchmark.metrics.ridge.without_age`; Snoek, Miletić & Scholte, NeuroImage 2019). What the site tells of
    the LDR through age is taken out with it: that is what conditional means. A curved effect of age is left as far as
    strata are too coarse for it. The measure as it is here is ours.

    Parameters
    ----------
    age_strata
        Parts of equal size that ages are cut into.

    Returns
    -------
    Estimate
        n in scans of strata that count; NaN with a note for a constant LDR, or where no stratum has two sites of two
        subjects each (four scans of one stratum).
    """
    scans, settings = scans_of(ldr, site=site, age=age, diagnosis=diagnosis, age_strata=age_strata, **options)
    features = transform(scans.ldr, scans.reference, coordinates)
    constant = unreadable(scans.ldr, features)
    return Estimate(math.nan, 0, note=constant) if constant else _within(scans, features, settings)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`gain_over_covariates` and :func:`leakage_within_strata`, two a kind of coordinates."""
    found = []
    for part, options, params in by_coordinates(scans, settings):
        options |= {"age": part.age, "diagnosis": part.diagnosis}
        gain = gain_over_covariates(part.ldr, part.site, sex=part.sex, **options)
        within = leakage_within_strata(part.ldr, part.site, age_strata=settings.age_strata, **options)
        found += [gain.score(GAIN, params | {"probe": "linear"}), within.score(WITHIN, params | {"probe": "ridge"})]
    return found


def covariate_features(scans: Scans) -> Floats:
    """Standardised age, its square, sex and diagnosis, shape (scans, features); unknown ages are the mean age."""
    known = np.isfinite(scans.age)
    age = np.where(known, scans.age, scans.age[known].mean() if known.any() else 0.0)
    age = (age - age.mean()) / (age.std() or 1.0)
    columns = [age, np.square(age), (~known).astype(np.float64)]
    for text in (scans.sex, scans.diagnosis):
        columns += [(text == one).astype(np.float64) for one in np.unique(text)]
    return np.stack(columns, axis=1)


def _accuracy(features: Floats, codes: Integers, pairs: Pairs) -> float:
    model = LogisticRegression(C=0.1, tol=1e-2, max_iter=200, class_weight="balanced")
    predicted = cross_val_predict(model, features, codes, cv=pairs)
    return float(class_recalls(codes, predicted).mean())


def _within(scans: Scans, features: Floats, settings: EvaluationSettings) -> Estimate:
    strata = age_and_diagnosis_strata(scans, settings.age_strata)
    values, sizes, chances = [], [], []
    for stratum in np.unique(strata):
        here = strata == stratum
        enough = [one for one in np.unique(scans.site[here]) if _subjects(scans, here & (scans.site == one)) >= 2]
        here &= np.isin(scans.site, enough)
        if len(enough) < 2:
            continue
        site, owner = codes_of(scans.site[here]), codes_of(scans.subject[here])
        pairs = stratified_folds(site, owner, settings.folds)
        alone = np.zeros(len(site), np.int64)
        predicted = ridge_predictions_given_age(features[here], site[None], pairs, len(enough), scans.age[here], alone)
        values.append(balanced_accuracies(site[None], predicted, len(enough))[0])
        sizes.append(int(here.sum()))
        chances.append(1 / len(enough))
    if not values:
        return Estimate(math.nan, 0, note="no stratum of diagnosis and age has two sites with two subjects each")
    left = len(scans) - sum(sizes)
    note = f"{left} scans are in strata with fewer than two sites of two subjects" if left else ""
    value, chance = (float(np.average(part, weights=sizes)) for part in (values, chances))
    return Estimate(value, sum(sizes), chance, note=note)


def _subjects(scans: Scans, chosen: Array) -> int:
    return len(np.unique(scans.subject[chosen]))

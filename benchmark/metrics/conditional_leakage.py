"""Conditional leakage: the site that is left in an LDR once age, sex and diagnosis are known."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmark.metrics.feature_scaling import Coordinates, transform, unreadable
from benchmark.metrics.folds import Integers, Pairs, design, stratified_folds
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.permutations import age_and_diagnosis_strata
from benchmark.metrics.probes import Floats, class_recalls
from benchmark.metrics.residuals import ridge_predictions_given_age
from benchmark.metrics.ridge import balanced_accuracies
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, at_most
from benchmark.metrics.settings import EvaluationSettings

Array = npt.NDArray[Any]

GAIN = Metric("leakage", "gain_over_covariates", version=1, higher_is_better=False, lowest=-1.0)
WITHIN = Metric("leakage", "within_strata", version=3, higher_is_better=False)

KINDS: tuple[Coordinates, ...] = ("standardised", "whitened")


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Leakage beyond what age, sex and diagnosis give away of the site, in two ways.

    ``gain_over_covariates`` = BA(LDR, c) - BA(c), c being age, its square, sex and diagnosis, and BA the balanced
    accuracy for the site of logistic regression, out of fold with subjects kept together; in [-1, 1], about 0 (or a
    little below, for the LDR is then noise) where the LDR knows no more of the site than the covariates.
    ``within_strata`` = Σ_s n_s BA_s / Σ_s n_s, BA_s being the balanced accuracy of a ridge classifier that is trained
    and tested within stratum s of diagnosis and age, n_s its scans; in [0, 1], by chance 1 / sites, in the same mean
    over strata. A stratum counts with the sites that have two subjects in it, if there are two such sites. Sites still
    differ in age within a stratum; a line in age is therefore taken out of the stratum's LDRs, by least squares within
    each fold's training part (:func:`benchmark.metrics.residuals.without_age`). What the site tells of the LDR through
    age is taken out with it: that is what conditional means. A curved effect of age is left as far as strata are too
    coarse for it.

    Lower is better. Both are read from LDRs of shape (scans, dimensions), in standardised and in whitened coordinates.
    Why what a confound explains must be held apart, and how, also within folds: Snoek, Miletić & Scholte, NeuroImage
    2019; balanced accuracy: Brodersen et al., ICPR 2010. The two measures as they are here are ours.

    Returns
    -------
    list of Score
        n in scans. NaN with a reason for a constant LDR; for ``gain_over_covariates`` with fewer than two sites, or
        fewer than two subjects at one (four scans are the least); for ``within_strata`` where no stratum has two sites
        of two subjects each (four scans of one stratum).
    """
    part = at_most(scans, settings.probe_scans, settings.seed)
    sites = design(part.site, part.subject, settings.folds, 0, settings.seed)
    covariates = covariate_features(part)
    found = []
    for coordinates in KINDS:
        features = transform(part.ldr, part.reference, coordinates)
        constant = unreadable(part.ldr, features)
        reason = sites.reason or constant
        more = {} if scans.reference_is_train else {"statistics": "all"}
        if len(part) < len(scans):
            more["scans"] = str(len(part))
        params = key_values(coordinates=coordinates, probe="linear", **more)
        gain = math.nan
        if sites.truth is not None and not reason:
            both = np.concatenate([features, covariates], axis=1)
            accuracy = [_accuracy(one, sites.truth.codes, sites.truth.pairs) for one in (covariates, both)]
            gain = accuracy[1] - accuracy[0]
        found.append(Score(GAIN, params, gain, len(part), reason=reason, chance=0.0))
        ridge = key_values(coordinates=coordinates, probe="ridge", **more)
        if constant:
            found.append(Score(WITHIN, ridge, math.nan, 0, reason=constant))
        else:
            found.append(_within(part, features, settings, ridge))
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
    predicted = np.full(len(codes), -1)
    for train, test in pairs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=0.1, tol=1e-2, max_iter=200, class_weight="balanced")
            predicted[test] = model.fit(features[train], codes[train]).predict(features[test])
    return float(class_recalls(codes, predicted).mean())


def _within(scans: Scans, features: Floats, settings: EvaluationSettings, params: str) -> Score:
    strata = age_and_diagnosis_strata(scans, settings.age_strata)
    values, sizes, chances = [], [], []
    for stratum in np.unique(strata):
        here = strata == stratum
        enough = [one for one in np.unique(scans.site[here]) if _subjects(scans, here & (scans.site == one)) >= 2]
        here &= np.isin(scans.site, enough)
        if len(enough) < 2:
            continue
        site, owner = codes_of(scans.site[here]), codes_of(scans.subject[here])
        pairs = stratified_folds(site, owner, min(settings.folds, int(owner.max()) + 1))
        alone = np.zeros(len(site), np.int64)
        predicted = ridge_predictions_given_age(features[here], site[None], pairs, len(enough), scans.age[here], alone)
        values.append(balanced_accuracies(site[None], predicted, len(enough))[0])
        sizes.append(int(here.sum()))
        chances.append(1 / len(enough))
    if not values:
        why = "no stratum of diagnosis and age has two sites with two subjects each"
        return Score(WITHIN, params, math.nan, 0, reason=why)
    left = len(scans) - sum(sizes)
    reason = f"{left} scans are in strata with fewer than two sites of two subjects" if left else ""
    value, chance = (float(np.average(part, weights=sizes)) for part in (values, chances))
    return Score(WITHIN, params, value, sum(sizes), reason=reason, chance=chance)


def _subjects(scans: Scans, chosen: Array) -> int:
    return len(np.unique(scans.subject[chosen]))

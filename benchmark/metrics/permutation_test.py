"""Permutation test of the site in an LDR, as far as a linear map can read it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, Unpack, get_args

import numpy as np
import numpy.typing as npt

from benchmark.errors import UserError
from benchmark.metrics.arrays import SubjectOptions, by_coordinates, scans_of
from benchmark.metrics.feature_scaling import Coordinates, transform, unreadable
from benchmark.metrics.folds import Integers, subject_folds
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.permutations import age_and_diagnosis_strata, null_strata, permuted_sites
from benchmark.metrics.probes import Floats
from benchmark.metrics.ridge import balanced_accuracies, ridge_predictions, ridge_predictions_given_age
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible
from benchmark.seeds import generator

#: What a test is within.
Given = Literal["nothing", "age+diagnosis"]

P_VALUE = Metric("leakage", "p_value", version=4, higher_is_better=True)


@reproducible()
def site_permutation_test(
    ldr: npt.ArrayLike,
    site: npt.ArrayLike,
    *,
    diagnosis: npt.ArrayLike | None = None,
    age: npt.ArrayLike | None = None,
    given: Given = "nothing",
    age_strata: int = 2,
    coordinates: Coordinates = "standardised",
    permutations: int = 199,
    **options: Unpack[SubjectOptions],
) -> Estimate:
    """p-value of a permutation test of the site, over all subjects or within age and diagnosis.

    The statistic is the out-of-fold balanced accuracy of a ridge classifier, subjects kept together, on LDRs of shape
    (scans, dimensions). Under the null hypothesis the LDR does not depend on the site, and sites can be dealt out anew
    over subjects: over all (``given=nothing``), or within strata of age and diagnosis (``given=age+diagnosis``), which
    is the test of conditional leakage. With b of B permutations at least
    as good, p = (1 + b) / (1 + B) (Phipson & Smyth, SAGMB 2010), in [1 / (1 + B), 1], higher is better: a small p says
    that the site is there, a large one that this test, with this many scans, does not see it. Where every site
    has the same share of each diagnosis, because subjects were dealt out so, sites are permuted within the diagnoses
    in both (the rows say ``within=diagnosis``): they are not exchangeable otherwise.

    Given age and diagnosis, the mean and a line in age are taken out of the LDRs of each stratum before the site is
    read, by least squares within each fold's training part (:func:`benchmark.metrics.ridge.without_age`), for sites
    still differ in age within a stratum. That what a covariate leaves can be permuted is from Freedman & Lane (Journal
    of Business & Economic Statistics 1983); departures: sites are permuted and not what is left, which makes one
    factorisation serve all of them, and only within strata. What the site tells of the LDR through age is taken out
    with it: that is what given means. A curved effect of age is left as far as strata are too coarse for it, and
    strata of one or two subjects of different ages say nothing.

    Parameters
    ----------
    given
        ``nothing`` or ``age+diagnosis``.
    age_strata
        Parts of equal size that ages are cut into.
    permutations
        As ``test_permutations`` of :class:`benchmark.metrics.settings.EvaluationSettings`.

    Returns
    -------
    Estimate
        n in subjects, at least two a site; NaN with a note for one site, fewer than two subjects at a site, a constant
        LDR, or no permutations asked for.
    """
    if given not in get_args(Given):
        raise UserError(f"given: '{given}' is not allowed; allowed: {', '.join(get_args(Given))}")
    how = {"test_permutations": permutations, "age_strata": age_strata}
    scans, settings = scans_of(ldr, site=site, diagnosis=diagnosis, age=age, **how, **options)
    place, owner = codes_of(scans.site), codes_of(scans.subject)
    features = transform(scans.ldr, scans.reference, coordinates)
    note = _undefined(place, owner, settings) or unreadable(scans.ldr, features)
    if note:
        return Estimate(math.nan, int(owner.max(initial=-1)) + 1, note=note)
    stratum, years = null_strata(scans)[0], None
    if given == "age+diagnosis":
        stratum, years = codes_of(age_and_diagnosis_strata(scans, age_strata)), scans.age
    p = p_value(features, place, owner, stratum, settings, years)
    return Estimate(p, int(owner.max()) + 1, p=p)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`site_permutation_test`, given nothing and given age and diagnosis, of each kind of coordinates."""
    found = []
    for given in get_args(Given):
        for part, options, params in by_coordinates(scans, settings):
            options |= {"diagnosis": part.diagnosis, "age": part.age, "age_strata": settings.age_strata}
            permutations = settings.test_permutations
            result = site_permutation_test(part.ldr, part.site, given=given, permutations=permutations, **options)
            params |= {"given": given, "permutations": str(permutations), "statistic": "ridge"}
            found.append(result.score(P_VALUE, params | (null_strata(part)[1] if given == "nothing" else {})))
    return found


def p_value(
    features: Floats,
    site: Integers,
    owner: Integers,
    stratum: Integers,
    settings: EvaluationSettings,
    age: Floats | None = None,
) -> float:
    """Compute p of the permutation test; all arrays have one entry per scan, features one row.

    Sites are permuted within strata; with ages, a line in age is taken out of each stratum's features as well.
    """
    dealt = permuted_sites(site, owner, stratum, settings.test_permutations, settings.seed)
    labels = np.concatenate([site[None], dealt])
    # Folds that know nothing of the sites are fair to every labelling; subjects in random order, for names of subjects
    # that follow the site would put a site into one fold.
    shuffled = generator(settings.seed, "fold order").permutation(int(owner.max()) + 1)[owner]
    pairs = subject_folds(shuffled, settings.folds)
    classes = int(site.max()) + 1
    if age is None:
        predicted = ridge_predictions(features, labels, pairs, classes)
    else:
        predicted = ridge_predictions_given_age(features, labels, pairs, classes, age, stratum)
    accuracy = balanced_accuracies(labels, predicted, classes)
    at_least = int((accuracy[1:] >= accuracy[0] - 1e-12).sum())
    return (1 + at_least) / (1 + settings.test_permutations)


def _undefined(site: Integers, owner: Integers, settings: EvaluationSettings) -> str:
    if settings.test_permutations == 0:
        return "no permutations were asked for"
    if site.max(initial=0) == 0:
        return "fewer than two sites"
    subjects = [len(np.unique(owner[site == one])) for one in range(int(site.max()) + 1)]
    return "a site has one subject" if min(subjects) < 2 else ""

"""Disease: how well a linear probe tells CN from AD, at all sites and at a site that it has not seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from benchmark.metrics.arrays import SubjectOptions, options_of, scans_of
from benchmark.metrics.bootstrap import LINEAR, bounded_interval, mean_of_site_means, mean_replicates
from benchmark.metrics.feature_scaling import transform, unreadable
from benchmark.metrics.leakage import ProbeOptions, probe_params, probed, probed_arrays
from benchmark.metrics.retrieval import label_sets
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans, sampled
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

Array = npt.NDArray[Any]

ACCURACY = Metric("disease", "balanced_accuracy", version=3, higher_is_better=True)
ACROSS = Metric("disease", "cross_site_balanced_accuracy", version=2, higher_is_better=True)


def disease_probe(
    ldr: npt.ArrayLike, diagnosis: npt.ArrayLike, *, site: npt.ArrayLike | None = None, **options: Unpack[ProbeOptions]
) -> Estimate:
    """Balanced accuracy of a probe for the diagnosis, by default a linear one in standardised coordinates.

    1/D Σ_d (scans of diagnosis d that are named right) / (scans of d) over the D diagnoses (Brodersen et al., ICPR
    2010), from LDRs of shape (scans, dimensions). In [0, 1], 1 / D by chance, higher is better. The probe (Alain &
    Bengio 2017) is cross-validated with subjects kept together, its regularisation chosen within the training part
    (Varma & Simon, BMC Bioinformatics 2006); chance from permuted diagnoses, interval over resamples of subjects within
    sites. Scans without a diagnosis are left out.

    Returns
    -------
    Estimate
        n in scans; parts are recalls by diagnosis. NaN with a note where there are not two subjects with each of two
        diagnoses (four scans are the least), or for a constant LDR.
    """
    return probed_arrays(ldr, diagnosis, site=site, **options)


@reproducible()
def disease_across_sites(
    ldr: npt.ArrayLike,
    diagnosis: npt.ArrayLike,
    *,
    site: npt.ArrayLike,
    classes: Sequence[str] = ("CN", "AD"),
    test_sites: Sequence[str] | None = None,
    **options: Unpack[SubjectOptions],
) -> Estimate:
    """Balanced accuracy for CN against AD at each site, of logistic regression (C = 0.1) trained at the others.

    Balanced accuracy of a site = 1/2 Σ_d (scans of diagnosis d that are named right) / (scans of d), over its CN and AD
    scans (Brodersen et al., ICPR 2010), from LDRs of shape (scans, dimensions) in standardised coordinates. Subjects of
    the test site are left out of training wherever they were scanned. In [0, 1], 0.5 by chance, higher is better. The
    overall value is the mean over sites, missing if one is missing; its interval is over resamples of subjects, with
    predictions as they are. Leaving out one site after the other: Abraham et al., NeuroImage 2017.

    Parameters
    ----------
    classes
        The two diagnoses; scans of others are left out.
    test_sites
        None for all sites of the scans.

    Returns
    -------
    Estimate
        n in scans; parts are the test sites. At every site, and among the others' scans without its subjects, each of
        the two diagnoses must have one scan: four scans at two sites are the least. NaN with a note where one is
        missing, or for a constant LDR.
    """
    scans, settings = scans_of(ldr, site=site, diagnosis=diagnosis, **options)
    part = scans.where(np.isin(scans.diagnosis, list(classes)))
    features = transform(part.ldr, part.reference, "standardised")
    right, sites = np.full(len(part), math.nan), {}
    for one in np.unique(scans.site).tolist() if test_sites is None else test_sites:
        test = part.site == one
        train = ~test & ~np.isin(part.subject, part.subject[test])
        note, value = unreadable(part.ldr, features) or _lacking(part.diagnosis, test, train, classes), math.nan
        if not note:
            model = LogisticRegression(C=0.1, tol=1e-2, max_iter=200).fit(features[train], part.diagnosis[train])
            right[test] = model.predict(features[test]) == part.diagnosis[test]
            value = mean_of_site_means(right[test], part.diagnosis[test])
        sites[one] = Estimate(value, int(test.sum()), chance=0.5, note=note)
    notes = [f"{one}: {result.note}" for one, result in sites.items() if result.note]
    if notes or not sites:
        return Estimate(math.nan, len(part), chance=0.5, note="; ".join(notes), parts=sites)
    # The mean over sites and, within them, over diagnoses is a mean of means over their combinations.
    groups = np.char.add(np.char.add(part.site, "/"), part.diagnosis)
    replicates = mean_replicates(right, part.subject, part.site, settings.bootstrap, settings.seed, groups, LINEAR)
    mean = float(np.mean([one.value for one in sites.values()]))
    return Estimate(mean, len(part), 0.5, *bounded_interval(replicates), parts=sites, replicates=replicates)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Row of :func:`disease_across_sites`, its rows with the subgroup ``test_site=...``, and :func:`disease_probe`'s.

    Of CN against AD; where no scan is either, of the two most frequent labels.
    """
    label, chosen = next(iter(label_sets(scans).items()))
    part, told = sampled(scans.where(chosen), settings)
    across = disease_across_sites(
        part.ldr,
        part.diagnosis,
        site=part.site,
        classes=label.split("/"),
        test_sites=np.unique(scans.site).tolist(),
        **options_of(part, settings),
    )
    within = probed(part, part.diagnosis, "linear", "standardised", settings)
    params = probe_params(part, part.diagnosis, "standardised", "linear", settings, label=label, **told)
    how = {"coordinates": "standardised", "label": label, "probe": "linear", **told}
    return [*across.scores(ACROSS, how, "test_site"), within.score(ACCURACY, params)]


def _lacking(diagnosis: Array, test: Array, train: Array, classes: Sequence[str]) -> str:
    for where, chosen in (("", test), ("the other sites have ", train)):
        missing = [f"no {one}" for one in classes if one not in diagnosis[chosen]]
        if missing:
            return where + " and ".join(missing)
    return ""

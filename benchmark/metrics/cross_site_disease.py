"""Disease across sites: a probe trained on all sites but one, tested on that one."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from benchmark.metrics.bootstrap import LINEAR, bounded_interval, mean_of_site_means, mean_replicates
from benchmark.metrics.feature_scaling import transform, unreadable
from benchmark.metrics.retrieval import label_sets
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, at_most
from benchmark.metrics.settings import EvaluationSettings

Array = npt.NDArray[Any]

ACROSS = Metric("disease", "cross_site_balanced_accuracy", version=2, higher_is_better=True)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Balanced accuracy for CN against AD at each site, of logistic regression (C = 0.1) trained at the others.

    Balanced accuracy of a site = 1/2 Σ_d (scans of diagnosis d that are named right) / (scans of d), over its CN and AD
    scans (Brodersen et al., ICPR 2010), from LDRs of shape (scans, dimensions) in standardised coordinates. Subjects of
    the test site are left out of training wherever they were scanned. In [0, 1], 0.5 by chance, higher is better. The
    overall value is the mean over sites, missing if one is missing; its interval is over resamples of subjects, with
    predictions as they are. Leaving out one site after the other: Abraham et al., NeuroImage 2017.

    Returns
    -------
    list of Score
        Overall, then with subgroup ``test_site=...``; n in scans. At every site, and among the others' scans without
        its subjects, each of the two diagnoses must have one scan: four scans at two sites are the least. NaN with a
        reason where one is missing, or for a constant LDR.
    """
    label, chosen = next(iter(label_sets(scans).items()))
    part = at_most(scans.where(chosen), settings.probe_scans, settings.seed)
    features = transform(part.ldr, part.reference, "standardised")
    params = key_values(
        coordinates="standardised",
        label=label,
        probe="linear",
        **({} if scans.reference_is_train else {"statistics": "all"}),
        **({"scans": str(len(part))} if len(part) < int(chosen.sum()) else {}),
    )
    right = np.full(len(part), math.nan)
    rows, reasons = [], []
    for site in np.unique(scans.site).tolist():
        test = part.site == site
        train = ~test & ~np.isin(part.subject, part.subject[test])
        reason = unreadable(part.ldr, features) or _lacking(part.diagnosis, test, train, label)
        value = math.nan
        if not reason:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                model = LogisticRegression(C=0.1, tol=1e-2, max_iter=200).fit(features[train], part.diagnosis[train])
            right[test] = model.predict(features[test]) == part.diagnosis[test]
            value = mean_of_site_means(right[test], part.diagnosis[test])
        else:
            reasons.append(f"{site}: {reason}")
        rows.append(Score(ACROSS, params, value, int(test.sum()), key_values(test_site=site), reason, chance=0.5))
    mean = math.nan if reasons or not rows else float(np.mean([row.value for row in rows]))
    # The mean over sites and, within them, over diagnoses is a mean of means over their combinations.
    groups = np.char.add(np.char.add(part.site, "/"), part.diagnosis)
    replicates = mean_replicates(
        right[:, None], part.subject, part.site, settings.bootstrap, settings.seed, groups, LINEAR
    )[:, 0]
    low, high = (math.nan, math.nan) if reasons or not rows else bounded_interval(replicates)
    overall = Score(
        ACROSS,
        params,
        mean,
        len(part),
        reason="; ".join(reasons),
        ci_low=low,
        ci_high=high,
        chance=0.5,
        replicates=None if math.isnan(mean) else replicates,
    )
    return [overall, *rows]


def _lacking(diagnosis: Array, test: Array, train: Array, label: str) -> str:
    for where, chosen in (("the site", test), ("the other sites", train)):
        present = np.unique(diagnosis[chosen]).tolist()
        missing = [one for one in label.split("/") if one not in present]
        if missing:
            return (
                f"{where} have no {' and no '.join(missing)}" if chosen is train else f"no {' and no '.join(missing)}"
            )
    return ""

"""Disease: how well a linear probe tells CN from AD."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.metrics.feature_scaling import transform
from benchmark.metrics.folds import design
from benchmark.metrics.leakage import accuracy_score, dropped, probe_classes, probe_params
from benchmark.metrics.retrieval import label_sets
from benchmark.metrics.rows import Metric, Score
from benchmark.metrics.scans import Scans, at_most
from benchmark.metrics.settings import EvaluationSettings

ACCURACY = Metric("disease", "balanced_accuracy", version=3, higher_is_better=True)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Balanced accuracy of a linear probe for CN against AD over the scored scans, in standardised coordinates.

    1/2 Σ_d (scans of diagnosis d that are named right) / (scans of d) (Brodersen et al., ICPR 2010), from LDRs of shape
    (scans, dimensions). In [0, 1], 0.5 by chance, higher is better. The probe (Alain & Bengio 2017) is logistic
    regression, cross-validated with subjects kept together, its regularisation chosen within the training part (Varma &
    Simon, BMC Bioinformatics 2006); chance from permuted diagnoses, interval over resamples of subjects. Where no scan
    is CN or AD, the two most frequent labels take their place.

    Parameters
    ----------
    scans
        The scored scans; those of other diagnoses are left out.
    settings
        Folds, permutations, seed.
    query_sites
        Without effect.

    Returns
    -------
    list of Score
        One; n in scans; NaN with a reason where there are not two subjects with each diagnosis (four scans are the
        least), or for a constant LDR.
    """
    label, chosen = next(iter(label_sets(scans).items()))
    part = at_most(scans.where(chosen), settings.probe_scans, settings.seed)
    diagnoses = design(
        part.diagnosis, part.subject, settings.folds, settings.permutations, settings.seed, settings.inner_folds
    )
    features = transform(part.ldr, part.reference, "standardised")
    fewer = {"scans": str(len(part))} if len(part) < int(chosen.sum()) else {}
    params = probe_params(part, diagnoses.folds, "standardised", "linear", settings, label=label, **fewer)
    predicted, chance, undefined = probe_classes(part.ldr, features, diagnoses, "linear", settings)
    reason = undefined or dropped(part, features.shape[1], "standardised")
    return accuracy_score(ACCURACY, part, diagnoses, predicted, settings, params, chance, reason)

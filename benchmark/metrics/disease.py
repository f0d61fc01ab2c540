"""Disease: how well a linear probe tells CN from AD."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy.typing as npt

from benchmark.metrics.leakage import ProbeOptions, probe_params, probed, probed_arrays
from benchmark.metrics.retrieval import label_sets
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans, sampled
from benchmark.metrics.settings import EvaluationSettings

ACCURACY = Metric("disease", "balanced_accuracy", version=3, higher_is_better=True)


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


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Row of :func:`disease_probe` for CN against AD; where no scan is either, for the two most frequent labels."""
    label, chosen = next(iter(label_sets(scans).items()))
    part, told = sampled(scans.where(chosen), settings)
    params = probe_params(part, part.diagnosis, "standardised", "linear", settings, label=label, **told)
    return [probed(part, part.diagnosis, "linear", "standardised", settings).score(ACCURACY, params)]

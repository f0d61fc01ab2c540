"""What a style code holds: the site, which it is for, and the disease, which it should not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmark.metrics.leakage import probe_params, probed
from benchmark.metrics.retrieval import label_sets
from benchmark.metrics.rows import Metric, Score
from benchmark.metrics.scans import Scans, at_most, numbers_in
from benchmark.metrics.settings import EvaluationSettings

SITE = Metric("style", "site_balanced_accuracy", version=2, higher_is_better=True)
DISEASE = Metric("style", "disease_balanced_accuracy", version=2, higher_is_better=False)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Balanced accuracy of a linear probe on the style code (columns ``s0, s1, ...``), for site and for CN/AD.

    1/K Σ_k (scans of class k that are named right) / (scans of k) over the K classes (Brodersen et al., ICPR 2010), by
    logistic regression (C = 0.1) on codes of shape (scans, code dimensions). Out of fold, subjects kept together, each
    dimension standardised over the scored scans (``statistics=all``: codes of training scans are not at hand), without
    their labels. In [0, 1], 1 / K by chance. A style code is there to carry the site (higher is better); what it knows
    of the disease is lost to the LDR (lower is better). Style codes: Tobari et al. 2025; linear probes: Alain & Bengio
    2017.

    Returns
    -------
    list of Score
        Two, or none where the embeddings have no style code; n in scans; NaN with a note for fewer than two classes,
        a class with one subject (so four scans are the least), or a constant code.
    """
    code = numbers_in(scans.other, "s")
    if code is None:
        return []
    every = replace(scans, ldr=code, reference=code, reference_is_train=False, memo={})
    coded = at_most(every, settings.probe_scans, settings.seed)
    label, chosen = next(iter(label_sets(coded).items()))
    found = []
    plain = replace(settings, inner_folds=0)
    for metric, part, target, more in (
        (SITE, coded, coded.site, {}),
        (DISEASE, coded.where(chosen), coded.diagnosis[chosen], {"label": label}),
    ):
        more = more | ({"scans": str(len(part))} if len(coded) < len(scans) else {})
        params = probe_params(part, target, "standardised", "linear", plain, statistics="all", **more)
        found.append(probed(part, target, "linear", "standardised", plain).score(metric, params))
    return found

"""Leakage: how well fresh classifiers name the site of an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.metrics.coordinates import COORDINATES, Coordinates, transform
from benchmark.metrics.folds import Design, design
from benchmark.metrics.probes import PROBES, Floats, Probe, chance_level, class_recalls, out_of_fold
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

ACCURACY = Metric("leakage", "balanced_accuracy", version=1, higher_is_better=False)
RECALL = Metric("leakage", "recall", version=1, higher_is_better=False)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Balanced accuracy of each probe for the site, in raw, standardised and whitened coordinates.

    Predictions are out of fold, with subjects kept together, and pooled over folds before the accuracy is taken.
    Chance is the mean over refits with permuted sites.

    Parameters
    ----------
    scans
        The scored scans; coordinates come from their reference.
    settings
        Folds, permutations, neighbours, seed.

    Returns
    -------
    list of Score
        ``balanced_accuracy`` overall and ``recall`` per site, n in scans; NaN with a reason for fewer than two
        sites, a site with one subject, or an LDR that is constant over the reference scans.
    """
    permutations = max(settings.permutations, settings.mlp_permutations)
    sites = design(scans.site, scans.subject, settings.folds, permutations, settings.seed)
    scores = []
    for coordinates in COORDINATES:
        features = transform(scans.ldr, scans.reference, coordinates)
        for probe in PROBES:
            scores += _site_probe(scans, sites, features, coordinates, probe, settings)
    return scores


def probe_classes(
    features: Floats, classes: Design, probe: Probe, settings: EvaluationSettings
) -> tuple[Floats, float, str]:
    """Recalls of a probe's classes, shape (classes,), its chance level, and why they are NaN if they are."""
    reason = classes.reason or ("" if features.shape[1] else "the LDR is constant over the reference scans")
    if classes.truth is None or reason:
        return np.full(len(classes.classes), math.nan), math.nan, reason
    predicted = out_of_fold(features, classes.truth, probe, settings.neighbours, settings.seed)
    permuted = classes.permuted[: settings.mlp_permutations if probe == "mlp" else settings.permutations]
    chance = chance_level(features, permuted, probe, settings.neighbours, settings.seed)
    return class_recalls(classes.truth.codes, predicted), chance, ""


def probe_params(
    scans: Scans, folds: int, coordinates: Coordinates, probe: Probe, settings: EvaluationSettings, **more: str
) -> str:
    """Canonical parameters of a probe's rows."""
    neighbours = {"k": str(settings.neighbours)} if probe == "knn" else {}
    statistics = {} if scans.reference_is_train else {"statistics": "all"}
    return key_values(coordinates=coordinates, folds=folds, probe=probe, **neighbours, **statistics, **more)


def dropped(scans: Scans, kept: int, coordinates: Coordinates) -> str:
    """Say how many dimensions a probe did not see; empty if it saw all."""
    lost = scans.ldr.shape[1] - kept
    kind = "directions without variance" if coordinates == "whitened" else "constant dimensions"
    return f"{lost} of {scans.ldr.shape[1]} {kind} left out" if lost else ""


def _site_probe(
    scans: Scans,
    sites: Design,
    features: Floats,
    coordinates: Coordinates,
    probe: Probe,
    settings: EvaluationSettings,
) -> list[Score]:
    params = probe_params(scans, sites.folds, coordinates, probe, settings)
    recalls, chance, undefined = probe_classes(features, sites, probe, settings)
    reason = undefined or dropped(scans, features.shape[1], coordinates)
    overall = Score(ACCURACY, params, float(recalls.mean()), len(scans), reason=reason, chance=chance)
    by_site = [
        Score(RECALL, params, float(recall), int((scans.site == site).sum()), key_values(site=site), reason)
        for site, recall in zip(sites.classes, recalls, strict=True)
    ]
    return [overall, *by_site]

"""Leakage: how well fresh classifiers name the site of an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.metrics.bootstrap import LINEAR, LOCAL, bounded_interval, mean_replicates
from benchmark.metrics.feature_scaling import COORDINATES, Coordinates, transform, unreadable
from benchmark.metrics.folds import Design, Integers, design
from benchmark.metrics.probes import (
    EVERY_INNER_FOLD,
    Floats,
    chance_level,
    chosen_values,
    class_recalls,
    fewer_neighbours,
    grid,
    out_of_fold,
)
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, at_most
from benchmark.metrics.settings import EvaluationSettings, Probe
from benchmark.metrics.threads import map_chunks

ACCURACY = Metric("leakage", "balanced_accuracy", version=4, higher_is_better=False)
RECALL = Metric("leakage", "recall", version=3, higher_is_better=False)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Balanced accuracy of each probe for the site, in raw, standardised and whitened coordinates.

    1/S Σ_s (scans of site s that are named right) / (scans of s) over the S sites (Brodersen et al., ICPR 2010); in
    [0, 1], 1 / S by chance, lower is better. Read from LDRs of shape (scans, dimensions) by classifiers that were not
    part of training (Alain & Bengio 2017; of sites in brain MRI: Glocker et al. 2019). Predictions, shape (scans,), are
    out of fold, with subjects kept together and regularisation chosen within the training part (Varma & Simon, BMC
    Bioinformatics 2006), and pooled over folds before the accuracy is taken. Chance is the mean over refits with
    permuted sites. The interval is over resamples of subjects, with predictions as they
    are, widened for what new training data would change (:data:`benchmark.metrics.bootstrap.LINEAR`).

    Parameters
    ----------
    scans
        The scored scans; coordinates come from their reference.
    settings
        Probes, folds, permutations, neighbours, seed.
    query_sites
        Without effect: all scored scans are probed.

    Returns
    -------
    list of Score
        ``balanced_accuracy`` overall and ``recall`` per site, n in scans; NaN with a reason for fewer than two sites, a
        site with one subject (so four scans are the least), or an LDR that is constant over the reference or the scored
        scans.
    """
    part = at_most(scans, settings.probe_scans, settings.seed)
    permutations = max(settings.permutations, settings.mlp_permutations)
    sites = design(part.site, part.subject, settings.folds, permutations, settings.seed, settings.inner_folds)
    features = {coordinates: transform(part.ldr, part.reference, coordinates) for coordinates in COORDINATES}
    # Trees see order alone: raw coordinates would only repeat the standardised ones.
    wanted = [(c, probe) for c in COORDINATES for probe in settings.probes if (c, probe) != ("raw", "boosting")]

    def probed(given: tuple[Coordinates, Probe]) -> list[Score]:
        coordinates, probe = given
        return _site_probe(part, sites, features[coordinates], coordinates, probe, settings, len(scans))

    return [score for found in map_chunks(probed, wanted) for score in found]


def probe_classes(
    ldr: Floats, features: Floats, classes: Design, probe: Probe, settings: EvaluationSettings
) -> tuple[Integers | None, float, str]:
    """Out-of-fold predictions of a probe, shape (scans,), its chance level, and why there are none if there are not.

    Parameters
    ----------
    ldr, features
        LDRs, and what the probe sees of them, shapes (scans, dimensions) and (scans, kept dimensions).
    classes, probe, settings
        What is asked, of which probe, and how.
    """
    reason = classes.reason or unreadable(ldr, features)
    if classes.truth is None or reason:
        return None, math.nan, reason
    values = chosen_values(features, classes.truth, probe, settings.neighbours, settings.seed)
    predicted = out_of_fold(features, classes.truth, probe, settings.neighbours, settings.seed, values)
    costly = probe in ("mlp", "boosting")
    permuted = classes.permuted[: settings.mlp_permutations if costly else settings.permutations]
    return predicted, chance_level(features, permuted, probe, settings.neighbours, settings.seed, values), ""


def accuracy_score(
    metric: Metric,
    scans: Scans,
    classes: Design,
    predicted: Integers | None,
    settings: EvaluationSettings,
    params: str,
    chance: float,
    reason: str,
    by_class: Metric | None = None,
    class_key: str = "",
    refitted: tuple[float, float] = LINEAR,
) -> list[Score]:
    """Balanced accuracy of predictions, with its interval over subjects, then recalls by class if they are wanted.

    Parameters
    ----------
    metric, by_class
        What the accuracy is, and what a class's recall is.
    scans, classes, predicted
        The scans, their classes and the predictions, shape (scans,); None for none.
    settings
        Bootstrap and seed.
    params, chance, reason
        Of the rows.
    class_key
        Name of the subgroup that a class is.
    refitted
        What new fits of the probe add to the variance (:data:`benchmark.metrics.bootstrap.LINEAR`).
    """
    names = classes.classes
    truth = np.searchsorted(names, names) if classes.truth is None else classes.truth.codes
    if predicted is None:
        recalls = np.full(len(names), math.nan)
        overall = Score(metric, params, math.nan, len(scans), reason=reason, chance=chance)
    else:
        right = (truth == predicted).astype(np.float64)
        recalls = class_recalls(truth, predicted)
        replicates = mean_replicates(
            right[:, None], scans.subject, scans.site, settings.bootstrap, settings.seed, names[truth], refitted
        )[:, 0]
        low, high = bounded_interval(replicates)
        overall = Score(
            metric,
            params,
            float(recalls.mean()),
            len(scans),
            reason=reason,
            ci_low=low,
            ci_high=high,
            chance=chance,
            replicates=replicates,
        )
    if by_class is None:
        return [overall]
    counts = [int((scans.site == name).sum()) for name in names]
    return [
        overall,
        *(
            Score(by_class, params, float(recall), count, key_values(**{class_key: name}), reason)
            for name, recall, count in zip(names.tolist(), recalls, counts, strict=True)
        ),
    ]


def probe_params(
    scans: Scans, folds: int, coordinates: Coordinates, probe: Probe, settings: EvaluationSettings, /, **more: str
) -> str:
    """Canonical parameters of a probe's rows.

    ``inner_folds`` is there where the probe has values to choose from, and ``inner_used=1`` where one of those folds
    decides.
    """
    nested = settings.inner_folds > 0 and len(grid(probe, settings.neighbours)) > 1
    neighbours = {"k": str(settings.neighbours)} if probe == "knn" and not nested else {}
    inner = {"inner_folds": str(settings.inner_folds)} if nested else {}
    if nested and probe not in EVERY_INNER_FOLD:
        inner["inner_used"] = "1"
    statistics = {} if scans.reference_is_train else {"statistics": "all"}
    return key_values(coordinates=coordinates, folds=folds, probe=probe, **inner, **neighbours, **statistics, **more)


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
    given: int,
) -> list[Score]:
    fewer = {"scans": str(len(scans))} if len(scans) < given else {}
    params = probe_params(scans, sites.folds, coordinates, probe, settings, **fewer)
    predicted, chance, undefined = probe_classes(scans.ldr, features, sites, probe, settings)
    notes = [dropped(scans, features.shape[1], coordinates)]
    if probe == "knn" and sites.truth is not None:
        notes.append(fewer_neighbours(sites.truth, settings.neighbours))
    reason = undefined or "; ".join(note for note in notes if note)
    refitted = LINEAR if probe == "linear" else LOCAL
    return accuracy_score(ACCURACY, scans, sites, predicted, settings, params, chance, reason, RECALL, "site", refitted)

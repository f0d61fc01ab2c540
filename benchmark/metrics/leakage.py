"""Leakage: how well fresh classifiers name the site of an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import CoordinateOptions, scans_of
from benchmark.metrics.bootstrap import LINEAR, LOCAL, bounded_interval, mean_replicates
from benchmark.metrics.feature_scaling import COORDINATES, Coordinates, transform, unreadable
from benchmark.metrics.folds import design, usable_folds
from benchmark.metrics.probes import (
    EVERY_INNER_FOLD,
    chance_level,
    chosen_values,
    class_recalls,
    fewer_neighbours,
    grid,
    out_of_fold,
)
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans, sampled
from benchmark.metrics.settings import EvaluationSettings, Probe
from benchmark.metrics.threads import map_chunks, reproducible

ACCURACY = Metric("leakage", "balanced_accuracy", version=4, higher_is_better=False)
RECALL = Metric("leakage", "recall", version=3, higher_is_better=False)


class ProbeOptions(CoordinateOptions, total=False):
    """:class:`benchmark.metrics.arrays.CoordinateOptions`, and those of every probe.

    Attributes
    ----------
    probe
        As for :func:`benchmark.metrics.probes.out_of_fold`; ``linear`` by default.
    inner_folds, neighbours
        As for :class:`benchmark.metrics.settings.EvaluationSettings`; 3 and 10 by default.
    permutations
        Refits with permuted labels, whose mean is chance; 5 by default, 0 for none.
    """

    probe: Probe
    inner_folds: int
    neighbours: int
    permutations: int


def site_probe(ldr: npt.ArrayLike, site: npt.ArrayLike, **options: Unpack[ProbeOptions]) -> Estimate:
    """Balanced accuracy of a probe for the site: how well a fresh classifier names the site of an LDR.

    1/S Σ_s (scans of site s that are named right) / (scans of s) over the S sites (Brodersen et al., ICPR 2010); in
    [0, 1], 1 / S by chance, lower is better. Read from LDRs of shape (scans, dimensions) by classifiers that were not
    part of training (Alain & Bengio 2017; of sites in brain MRI: Glocker et al. 2019). Predictions, shape (scans,), are
    out of fold, with subjects kept together and regularisation chosen within the training part (Varma & Simon, BMC
    Bioinformatics 2006), and pooled over folds before the accuracy is taken. Chance is the mean over refits with
    permuted sites. The interval is over resamples of subjects, with predictions as they
    are, widened for what new training data would change (:data:`benchmark.metrics.bootstrap.LINEAR`).

    Returns
    -------
    Estimate
        n in scans; parts are recalls by site. NaN with a note for fewer than two sites, a site with one subject (so
        four scans are the least), or an LDR that is constant over the reference or the scored scans.
    """
    return probed_arrays(ldr, site=site, **options)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`site_probe`, ``balanced_accuracy`` and ``recall`` per site, of each probe and coordinates."""
    part, told = sampled(scans, settings)
    # Trees see order alone: raw coordinates would only repeat the standardised ones.
    wanted = [(c, probe) for c in COORDINATES for probe in settings.probes if (c, probe) != ("raw", "boosting")]

    def rows(given: tuple[Coordinates, Probe]) -> list[Score]:
        coordinates, probe = given
        params = probe_params(part, part.site, coordinates, probe, settings, **told)
        return probed(part, part.site, probe, coordinates, settings).scores(ACCURACY, params, "site", RECALL)

    return [score for found in map_chunks(rows, wanted) for score in found]


@reproducible()
def probed_arrays(
    ldr: npt.ArrayLike,
    diagnosis: npt.ArrayLike | None = None,
    *,
    probe: Probe = "linear",
    coordinates: Coordinates = "standardised",
    permutations: int = 5,
    **options: Any,
) -> Estimate:
    """:func:`probed` of arrays for diagnoses, where they are given, or else for sites; see :class:`ProbeOptions`."""
    refits = {"permutations": permutations, "mlp_permutations": permutations}
    scans, settings = scans_of(ldr, diagnosis=diagnosis, probes=(probe,), **refits, **options)
    if diagnosis is None:
        return probed(scans, scans.site, probe, coordinates, settings)
    known = scans.where(scans.diagnosis != "")
    return probed(known, known.diagnosis, probe, coordinates, settings)


def probed(
    scans: Scans, target: npt.NDArray[np.str_], probe: Probe, coordinates: Coordinates, settings: EvaluationSettings
) -> Estimate:
    """Balanced accuracy of a probe for classes of scans, shape (scans,); parts are the classes' recalls.

    It is safe in several threads, each with one of its own for libraries.
    """
    permutations = settings.permutations if probe in EVERY_INNER_FOLD else settings.mlp_permutations
    classes = design(target, scans.subject, settings.folds, permutations, settings.seed, settings.inner_folds)
    features = transform(scans.ldr, scans.reference, coordinates)
    names, counts = np.unique(target, return_counts=True)
    note = classes.reason or unreadable(scans.ldr, features)
    if classes.truth is None or note:
        undefined = zip(names.tolist(), counts.tolist(), strict=True)
        parts = {name: Estimate(math.nan, count, note=note) for name, count in undefined}
        return Estimate(math.nan, len(scans), note=note, parts=parts)
    values = chosen_values(features, classes.truth, probe, settings.neighbours, settings.seed)
    predicted = out_of_fold(features, classes.truth, probe, settings.neighbours, settings.seed, values)
    notes = [_dropped(scans, features.shape[1], coordinates)]
    if probe == "knn":
        notes.append(fewer_neighbours(classes.truth, settings.neighbours))
    note = "; ".join(text for text in notes if text)
    truth = classes.truth.codes
    recalls = class_recalls(truth, predicted)
    classwise = zip(names.tolist(), recalls.tolist(), counts.tolist(), strict=True)
    right, refitted = (truth == predicted).astype(np.float64), LINEAR if probe == "linear" else LOCAL
    draws = (settings.bootstrap, settings.seed)
    replicates = mean_replicates(right, scans.subject, scans.site, *draws, names[truth], refitted)
    return Estimate(
        float(recalls.mean()),
        len(scans),
        chance_level(features, classes.permuted, probe, settings.neighbours, settings.seed, values),
        *bounded_interval(replicates),
        note=note,
        parts={name: Estimate(recall, count, note=note) for name, recall, count in classwise},
        replicates=replicates,
    )


def probe_params(
    part: Scans,
    target: npt.NDArray[np.str_],
    coordinates: Coordinates,
    probe: Probe,
    settings: EvaluationSettings,
    **more: str,
) -> dict[str, str]:
    """Parameters of the rows of :func:`probed`.

    ``inner_folds`` is there where the probe has values to choose from, and ``inner_used=1`` where one of those folds
    decides.
    """
    folds = usable_folds(target, part.subject, settings.folds)[0]
    params = {"coordinates": coordinates, "folds": str(folds), "probe": probe, **more}
    if settings.inner_folds > 0 and len(grid(probe, settings.neighbours)) > 1:
        params["inner_folds"] = str(settings.inner_folds)
        if probe not in EVERY_INNER_FOLD:
            params["inner_used"] = "1"
    elif probe == "knn":
        params["k"] = str(settings.neighbours)
    return params


def _dropped(scans: Scans, kept: int, coordinates: Coordinates) -> str:
    """Say how many dimensions a probe did not see; empty if it saw all."""
    lost = scans.ldr.shape[1] - kept
    kind = "directions without variance" if coordinates == "whitened" else "constant dimensions"
    return f"{lost} of {scans.ldr.shape[1]} {kind} left out" if lost else ""

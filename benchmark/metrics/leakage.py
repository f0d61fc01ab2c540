"""Leakage: how well fresh classifiers name the site of an LDR."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import numpy as np
import numpy.typing as npt

from benchmark.metrics.arrays import ScanOptions, scans_of
from benchmark.metrics.bootstrap import LINEAR, LOCAL, bounded_interval, mean_replicates
from benchmark.metrics.estimate import Estimate
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
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans, at_most, seen
from benchmark.metrics.settings import EvaluationSettings, Probe
from benchmark.metrics.threads import map_chunks, reproducible

ACCURACY = Metric("leakage", "balanced_accuracy", version=4, higher_is_better=False)
RECALL = Metric("leakage", "recall", version=3, higher_is_better=False)


class ProbeOptions(ScanOptions, total=False):
    """Options of every probe.

    Attributes
    ----------
    subject, scan, reference
        As for :func:`benchmark.metrics.arrays.scans_of`.
    probe
        As for :func:`benchmark.metrics.probes.out_of_fold`; ``linear`` by default.
    coordinates
        As for :func:`benchmark.metrics.feature_scaling.transform`; ``standardised`` by default.
    folds, inner_folds, neighbours, permutations, bootstrap, seed
        As for :class:`benchmark.metrics.settings.EvaluationSettings`; the permutations are those of this probe.
    """

    probe: Probe
    coordinates: Coordinates
    folds: int
    inner_folds: int
    neighbours: int
    permutations: int
    bootstrap: int
    seed: int


def site_probe(ldr: npt.ArrayLike, site: npt.ArrayLike, **options: Unpack[ProbeOptions]) -> Estimate:
    """Balanced accuracy of a probe for the site: how well a fresh classifier names the site of an LDR.

    1/S Σ_s (scans of site s that are named right) / (scans of s) over the S sites (Brodersen et al., ICPR 2010); in
    [0, 1], 1 / S by chance, lower is better. Read from LDRs of shape (scans, dimensions) by classifiers that were not
    part of training (Alain & Bengio 2017; of sites in brain MRI: Glocker et al. 2019). Predictions, shape (scans,), are
    out of fold, with subjects kept together and regularisation chosen within the training part (Varma & Simon, BMC
    Bioinformatics 2006), and pooled over folds before the accuracy is taken. Chance is the mean over refits with
    permuted sites. The interval is over resamples of subjects, with predictions as they
    are, widened for what new training data would change (:data:`benchmark.metrics.bootstrap.LINEAR`).

    Parameters
    ----------
    ldr, site
        As for :func:`benchmark.metrics.arrays.scans_of`.
    **options
        As for :class:`ProbeOptions`.

    Returns
    -------
    Estimate
        n in scans; parts are recalls by site. NaN with a note for fewer than two sites, a site with one subject (so
        four scans are the least), or an LDR that is constant over the reference or the scored scans.
    """
    return probed_arrays(ldr, site=site, **options)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Rows of :func:`site_probe`, ``balanced_accuracy`` and ``recall`` per site, of each probe and coordinates."""
    part = at_most(scans, settings.probe_scans, settings.seed)
    folds = usable_folds(part.site, part.subject, settings.folds)[0]
    # Trees see order alone: raw coordinates would only repeat the standardised ones.
    wanted = [(c, probe) for c in COORDINATES for probe in settings.probes if (c, probe) != ("raw", "boosting")]

    def rows(given: tuple[Coordinates, Probe]) -> list[Score]:
        coordinates, probe = given
        params = probe_params(folds, coordinates, probe, settings, **seen(scans, part))
        return probed(part, part.site, probe, coordinates, settings).scores(ACCURACY, params, "site", RECALL)

    return [score for found in map_chunks(rows, wanted) for score in found]


@reproducible()
def probed_arrays(
    ldr: npt.ArrayLike,
    diagnosis: npt.ArrayLike | None = None,
    *,
    site: npt.ArrayLike | None = None,
    probe: Probe = "linear",
    coordinates: Coordinates = "standardised",
    folds: int = 5,
    inner_folds: int = 3,
    neighbours: int = 10,
    permutations: int = 5,
    bootstrap: int = 1000,
    seed: int = 0,
    **options: Unpack[ScanOptions],
) -> Estimate:
    """:func:`probed` of arrays for diagnoses, where they are given, or else for sites; see :class:`ProbeOptions`."""
    settings = EvaluationSettings(
        probes=(probe,),
        folds=folds,
        inner_folds=inner_folds,
        neighbours=neighbours,
        permutations=permutations,
        mlp_permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
    )
    scans = scans_of(ldr, site=site, diagnosis=diagnosis, **options)
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
        parts = {str(one): Estimate(math.nan, int(n), note=note) for one, n in zip(names, counts, strict=True)}
        return Estimate(math.nan, len(scans), note=note, parts=parts)
    values = chosen_values(features, classes.truth, probe, settings.neighbours, settings.seed)
    predicted = out_of_fold(features, classes.truth, probe, settings.neighbours, settings.seed, values)
    notes = [_dropped(scans, features.shape[1], coordinates)]
    if probe == "knn":
        notes.append(fewer_neighbours(classes.truth, settings.neighbours))
    note = "; ".join(text for text in notes if text)
    truth = classes.truth.codes
    recalls = class_recalls(truth, predicted)
    right = (truth == predicted).astype(np.float64)[:, None]
    refitted = LINEAR if probe == "linear" else LOCAL
    replicates = mean_replicates(
        right, scans.subject, scans.site, settings.bootstrap, settings.seed, names[truth], refitted
    )[:, 0]
    low, high = bounded_interval(replicates)
    return Estimate(
        float(recalls.mean()),
        len(scans),
        chance=chance_level(features, classes.permuted, probe, settings.neighbours, settings.seed, values),
        ci_low=low,
        ci_high=high,
        note=note,
        parts={
            str(one): Estimate(float(recall), int(n), note=note)
            for one, recall, n in zip(names, recalls, counts, strict=True)
        },
        replicates=replicates,
    )


def probe_params(folds: int, coordinates: Coordinates, probe: Probe, settings: EvaluationSettings, **more: str) -> str:
    """Canonical parameters of a probe's rows.

    ``inner_folds`` is there where the probe has values to choose from, and ``inner_used=1`` where one of those folds
    decides.
    """
    nested = settings.inner_folds > 0 and len(grid(probe, settings.neighbours)) > 1
    neighbours = {"k": str(settings.neighbours)} if probe == "knn" and not nested else {}
    inner = {"inner_folds": str(settings.inner_folds)} if nested else {}
    if nested and probe not in EVERY_INNER_FOLD:
        inner["inner_used"] = "1"
    return key_values(coordinates=coordinates, folds=folds, probe=probe, **inner, **neighbours, **more)


def _dropped(scans: Scans, kept: int, coordinates: Coordinates) -> str:
    """Say how many dimensions a probe did not see; empty if it saw all."""
    lost = scans.ldr.shape[1] - kept
    kind = "directions without variance" if coordinates == "whitened" else "constant dimensions"
    return f"{lost} of {scans.ldr.shape[1]} {kind} left out" if lost else ""

"""How much of an LDR is nothing but the outline of the brain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from benchmark.errors import UserError
from benchmark.metrics.arrays import SubjectOptions, matrix, options_of, scans_of
from benchmark.metrics.decoding import PENALTIES
from benchmark.metrics.feature_scaling import varying
from benchmark.metrics.folds import Integers, subject_folds
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.rows import Estimate, Metric, Score
from benchmark.metrics.scans import Scans, numbers_in
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible

Floats = npt.NDArray[np.float64]

MASK_SHARE = Metric("outline", "mask_share", version=1, higher_is_better=False, lowest=-math.inf)

#: Begins the names of the columns of the masks' principal components.
LETTER = "m"

#: Subjects, of training scans and of scored ones, below which there is no value.
FEWEST_SUBJECTS = 10


@reproducible()
def outline_share(
    ldr: npt.ArrayLike,
    mask: npt.ArrayLike,
    *,
    reference_mask: npt.ArrayLike | None = None,
    reference_subject: npt.ArrayLike | None = None,
    **options: Unpack[SubjectOptions],
) -> Estimate:
    """Share of the LDR's variance, total over its dimensions, that the brain mask explains.

    R² = 1 - Σ|y - ŷ|² / Σ|y - mean of the fitted part|² over the scored scans, y an LDR of shape (dimensions,), raw,
    and ŷ its prediction by ridge regression (Hoerl & Kennard, Technometrics 1970) on the leading principal components
    of the scans' binary masks, fitted on the training scans. At most 1, without a lower
    bound; 0, which is chance, where the mask says nothing of the LDR; lower is better. The measure is ours.

    It is out of sample as R² in the sample grows with the number of regressors (20 of them explain 0.2 of noise with
    100 scans), and ridge as least squares out of sample falls below 0 by as much: with the penalty that suits
    other training subjects best, noise reads 0 with few scans as well. Without training scans it is out of fold over
    the scored ones, subjects kept together.

    Parameters
    ----------
    mask, reference_mask
        Principal components of the masks of the scans and of the training scans, shapes (n_scans, n_components) and
        (n_reference, n_components); the second is needed where a reference is given.
    reference_subject
        As for :func:`benchmark.metrics.arrays.scans_of`.

    Returns
    -------
    Estimate
        n in scans; NaN with a note for fewer than ten subjects, unknown values, or a constant LDR.
    """
    scans, settings = scans_of(ldr, reference_subject=reference_subject, **options)
    masks = matrix("mask", mask, len(scans))[scans.other["row"]]
    if not scans.reference_is_train:
        scans = replace(scans, reference_subject=scans.subject)
        fitted = masks
    elif reference_mask is None:
        raise UserError("reference_mask: none given; a reference needs its masks")
    else:
        fitted = matrix("reference_mask", reference_mask, len(scans.reference))
    note, folds = _undefined(scans, masks, fitted), settings.folds
    if note:
        return Estimate(math.nan, len(scans), note=note)
    if scans.reference_is_train:
        owner = codes_of(scans.reference_subject)
        predicted, mean = _predicted(fitted, scans.reference, owner, masks, folds)
    else:
        predicted, mean = np.empty_like(scans.ldr), np.empty_like(scans.ldr)
        for train, test in subject_folds(codes_of(scans.subject), folds):
            inner = codes_of(scans.subject[train])
            predicted[test], mean[test] = _predicted(masks[train], scans.ldr[train], inner, masks[test], folds)
    error, spread = np.square(scans.ldr - predicted).sum(), np.square(scans.ldr - mean).sum()
    return Estimate(1 - float(error / spread), len(scans), chance=0.0)


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Row of :func:`outline_share`, for masks in the columns ``m0, m1, ...``; none where there are no such columns."""
    mask, reference_mask = (numbers_in(frame, LETTER) for frame in (scans.other, scans.reference_other))
    if mask is None:
        return []
    options, fitted_on = options_of(scans, settings) | {"reference": None}, "folds"
    if scans.reference_is_train:
        options |= {"reference": scans.reference, "reference_subject": scans.reference_subject}
        options["reference_mask"], fitted_on = reference_mask, "train"
    params = {"components": mask.shape[1], "fitted_on": fitted_on}
    return [outline_share(scans.ldr, mask, **options).score(MASK_SHARE, params)]


def _predicted(mask: Floats, ldr: Floats, owner: Integers, wanted: Floats, folds: int) -> tuple[Floats, Floats]:
    """LDRs (wanted scans, dimensions) predicted from masks, and the mean LDR, (dimensions,), of the fitted scans."""
    scale = StandardScaler().fit(mask)
    # One penalty for all dimensions, by the error summed over them; each fold's subjects are new to it.
    model = RidgeCV(alphas=PENALTIES, cv=subject_folds(owner, folds), scoring="neg_mean_squared_error")
    model.fit(scale.transform(mask), ldr)
    return model.predict(scale.transform(wanted)).reshape(len(wanted), -1), ldr.mean(axis=0)


def _undefined(scans: Scans, mask: Floats, reference_mask: Floats) -> str:
    for subject, what in ((scans.subject, "scored"), (scans.reference_subject, "training")):
        subjects = len(np.unique(subject))
        if subjects < FEWEST_SUBJECTS:
            return f"{subjects} {what} subjects; at least {FEWEST_SUBJECTS} are needed"
    if not (np.isfinite(mask).all() and np.isfinite(reference_mask).all()):
        return "some values of m0, m1, ... are unknown"
    return "" if varying(scans.ldr).any() else "the LDR is constant over the scored scans"

"""How much of an LDR is nothing but the outline of the brain."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

from benchmark.embeddings.table import numbered_columns
from benchmark.metrics.decoding import PENALTIES
from benchmark.metrics.feature_scaling import varying
from benchmark.metrics.folds import Integers, stratified_folds
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

Floats = npt.NDArray[np.float64]

MASK_SHARE = Metric("outline", "mask_share", version=1, higher_is_better=False, lowest=-math.inf)

#: Begins the names of the columns of the masks' principal components.
LETTER = "m"

#: Subjects, of training scans and of scored ones, below which there is no value.
FEWEST_SUBJECTS = 10


def scores(scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None = None) -> list[Score]:
    """Share of the LDR's variance, total over its dimensions, that the brain mask explains.

    R² = 1 - Σ|y - ŷ|² / Σ|y - mean of the fitted part|² over the scored scans, y an LDR of shape (dimensions,), raw,
    and ŷ its prediction by ridge regression (Hoerl & Kennard, Technometrics 1970) on the leading principal components
    of the scans' binary masks (columns ``m0, m1, ...``), fitted on the training scans. At most 1, without a lower
    bound; 0, which is chance, where the mask says nothing of the LDR; lower is better. The measure is ours.

    It is out of sample as R² in the sample grows with the number of regressors (20 of them explain 0.2 of noise with
    100 scans), and ridge as least squares out of sample falls below 0 by as much: with the penalty that suits
    other training subjects best, noise reads 0 with few scans as well. Without training scans it is out of fold over
    the scored ones, subjects kept together (``fitted_on=folds``).

    Returns
    -------
    list of Score
        One, none where the embeddings have no such column; n in scans; NaN with a reason for fewer than ten subjects,
        unknown values, or a constant LDR.
    """
    names = numbered_columns(scans.other, LETTER)
    if not names:
        return []
    mask, reference_mask = (
        frame[names].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
        for frame in (scans.other, scans.reference_other)
    )
    fitted_on = "train" if scans.reference_is_train else "folds"
    params = key_values(components=len(names), fitted_on=fitted_on)
    reason = _undefined(scans, mask, reference_mask)
    if reason:
        return [Score(MASK_SHARE, params, math.nan, len(scans), reason=reason)]
    if scans.reference_is_train:
        owner = codes_of(scans.reference_subject)
        predicted, mean = _predicted(reference_mask, scans.reference, owner, mask, settings.folds)
    else:
        owner = codes_of(scans.subject)
        predicted, mean = np.empty_like(scans.ldr), np.empty_like(scans.ldr)
        for train, test in _folds(owner, settings.folds):
            inner = codes_of(scans.subject[train])
            predicted[test], mean[test] = _predicted(mask[train], scans.ldr[train], inner, mask[test], settings.folds)
    error, spread = np.square(scans.ldr - predicted).sum(), np.square(scans.ldr - mean).sum()
    return [Score(MASK_SHARE, params, 1 - float(error / spread), len(scans), chance=0.0)]


def _predicted(mask: Floats, ldr: Floats, owner: Integers, wanted: Floats, folds: int) -> tuple[Floats, Floats]:
    """LDRs (wanted scans, dimensions) predicted from masks, and the mean LDR, (dimensions,), of the fitted scans."""
    scale = StandardScaler().fit(mask)
    # One penalty for all dimensions, by the error summed over them; each fold's subjects are new to it.
    model = RidgeCV(alphas=PENALTIES, cv=_folds(owner, folds), scoring="neg_mean_squared_error")
    model.fit(scale.transform(mask), ldr)
    return model.predict(scale.transform(wanted)).reshape(len(wanted), -1), ldr.mean(axis=0)


def _folds(owner: Integers, folds: int) -> list[tuple[Integers, Integers]]:
    return list(stratified_folds(np.zeros(len(owner), np.int64), owner, min(folds, int(owner.max()) + 1)))


def _undefined(scans: Scans, mask: Floats, reference_mask: Floats) -> str:
    for subject, what in ((scans.subject, "scored"), (scans.reference_subject, "training")):
        subjects = len(np.unique(subject))
        if subjects < FEWEST_SUBJECTS:
            return f"{subjects} {what} subjects; at least {FEWEST_SUBJECTS} are needed"
    if not (np.isfinite(mask).all() and np.isfinite(reference_mask).all()):
        return "some values of m0, m1, ... are unknown"
    return "" if varying(scans.ldr).any() else "the LDR is constant over the scored scans"

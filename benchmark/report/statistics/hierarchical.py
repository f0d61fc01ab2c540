"""Two-level bootstrap: seeds, and the resampled subjects within each drawn seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import UNDEFINED_SHARE
from benchmark.report.statistics.runs import Floats, ScoreRuns
from benchmark.report.statistics.settings import LEVEL
from benchmark.seeds import generator

#: What an interval can cover.
SUBJECTS, SEEDS, BOTH, NOTHING = "subjects", "seeds", "subjects and seeds", ""


@dataclass(frozen=True)
class Bootstrap:
    """Bootstrap means of every method for one score and protocol.

    Attributes
    ----------
    means
        Shape (methods, resamples), methods as in the runs; row of NaN where a method has none. Column b of all
        methods comes from the same seeds and the same subjects, so differences between rows are paired.
    covers
        Which variation the resamples hold: ``subjects``, ``seeds``, ``subjects and seeds``, or empty for none.
    reason
        One a method: why it has no bootstrap means; empty where it has.
    """

    means: Floats
    covers: str
    reason: tuple[str, ...]


def hierarchical_bootstrap(runs: ScoreRuns, resamples: int, seed: int) -> Bootstrap:
    """Resample seeds with replacement, and within each drawn seed one of its stored resamples of subjects.

    With seeds s drawn for slots j = 1..S and, in each slot, a resample index b_j drawn from those of seed s_j, the
    bootstrap mean of a method is (1/S) sum_j x[s_j, b_j], where x is the method's mean over held-out sites on that
    resample. Draws are shared across methods, sites and scores, so methods are paired. Sites are fixed, not
    resampled. The scheme is the two-stage bootstrap of Davison and Hinkley (Bootstrap Methods and their Application,
    1997, section 3.8), with both stages drawn with replacement.

    Parameters
    ----------
    runs
        One score of one protocol.
    resamples
        Number of bootstrap means, at least 2.
    seed
        Of the draws.

    Returns
    -------
    Bootstrap
        With one seed, the stored resamples of its subjects as they are (``covers`` is ``subjects``). Where no method
        was resampled, the seeds alone (``seeds``), if there are two or more.

    Notes
    -----
    A resample that is undefined for a method (a site without any subject drawn) is left out for all methods; a
    method of which more than 5 % are undefined in some seed gets no bootstrap means, as in the intervals of single
    runs.

    Limits. The means spread too little where seeds are few and vary most, and too much where subjects vary as much as
    seeds, because a seed's value already varies with its subjects. They are good for ranks and for the shape of an
    interval; its width is that of :mod:`benchmark.report.statistics.small_sample_interval`. Seeds count as
    independent: where they share subjects, what these have in common is not in the means, and the interval adds it.
    """
    complete = runs.complete
    usable = complete & _resampled(runs)
    sets: list[Floats] = [each[usable] for each in runs.replicates]
    covers = SUBJECTS if len(runs.seeds) == 1 else BOTH
    if not usable.any() and len(runs.seeds) > 1 and not _any_replicate(runs):
        usable = complete
        sets = [runs.value[usable][:, [one]] for one in range(len(runs.seeds))]
        covers = SEEDS
    sets = [each[:, np.isfinite(each).all(axis=0)] for each in sets]
    if not usable.any() or not all(each.shape[1] for each in sets):
        return Bootstrap(np.full((len(complete), 0), math.nan), NOTHING, _reasons(runs, np.zeros_like(usable)))
    drawn = sets[0] if len(sets) == 1 else _drawn(sets, resamples, seed)
    means = np.full((len(complete), drawn.shape[1]), math.nan)
    means[usable] = drawn
    return Bootstrap(means, covers, _reasons(runs, usable))


def percentile_interval(means: Floats) -> tuple[float, float]:
    """95 % percentile interval of bootstrap means, shape (resamples,); NaN where there are none."""
    if len(means) == 0 or not np.isfinite(means).all():
        return math.nan, math.nan
    low, high = np.quantile(means, [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


def _resampled(runs: ScoreRuns) -> npt.NDArray[np.bool_]:
    enough = [
        np.isfinite(each).sum(axis=1) >= max((1 - UNDEFINED_SHARE) * each.shape[1], 2) for each in runs.replicates
    ]
    return np.asarray(np.logical_and.reduce(enough))


def _any_replicate(runs: ScoreRuns) -> bool:
    return any(bool(np.isfinite(each).any()) for each in runs.replicates)


def _drawn(sets: list[Floats], resamples: int, seed: int) -> Floats:
    random = generator(seed, "hierarchical bootstrap", len(sets))
    slots = random.integers(len(sets), size=(resamples, len(sets)))
    within = random.random((resamples, len(sets)))
    means = np.zeros((len(sets[0]), resamples))
    for one, values in enumerate(sets):
        place = (within * values.shape[1]).astype(np.int64)
        means += (values[:, place] * (slots == one)).sum(axis=2)
    return means / len(sets)


def _reasons(runs: ScoreRuns, usable: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    reasons = []
    for method, reason in enumerate(runs.reason):
        own = all(np.isfinite(each[method]).any() for each in runs.replicates)
        if reason or usable[method]:
            reasons.append(reason)
        elif own:
            reasons.append(f"more than {UNDEFINED_SHARE:.0%} of the resamples are undefined")
        else:
            reasons.append("not resampled" if _any_replicate(runs) else "not resampled, and only one seed")
    return tuple(reasons)

"""Scores of the first scans of ranked lists, with their intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import Strata, bounded_interval, mean_of_site_means, means_without, replicates_of
from benchmark.metrics.galleries import codes_of
from benchmark.metrics.left_out import GalleryEffects, site_weights
from benchmark.metrics.rows import Estimate
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def mean_of_queries(
    scans: Scans,
    queries: Integers,
    nearest: Integers,
    depth: int,
    quality: Callable[[Integers, Integers, Integers], Floats],
    values: tuple[Floats, Floats],
    group: npt.NDArray[np.str_],
    settings: EvaluationSettings,
    note: str = "",
) -> Estimate:
    """Mean over groups of each group's mean over queries; interval over resamples of subjects, who query and are found.

    Parameters
    ----------
    scans
        All scans.
    queries, nearest, depth, quality
        As for :func:`effects_on_first`.
    values
        Value and chance of each query, shape (queries,) each; NaN where undefined.
    group
        Shape (queries,), such as the query's site.
    settings
        Bootstrap and seed.
    note
        Of the estimate.

    Returns
    -------
    Estimate
        n in queries with a defined value.
    """
    value, chance = values
    strata, everyone = Strata.of(scans.subject, scans.site), np.unique(scans.subject)
    weight = site_weights(np.isfinite(value)[:, None], codes_of(group))[:, 0]
    subject = codes_of(scans.subject).astype(np.int32)
    effects = effects_on_first(nearest, queries, subject, value, weight, strata.stratum, depth, quality)
    mean, without = means_without(value[:, None], scans.subject[queries], group, everyone)
    both = (effects.change, effects.luck)
    replicates = replicates_of(mean, without, strata, settings.bootstrap, settings.seed, both)[:, 0]
    return Estimate(
        mean_of_site_means(value, group),
        int(np.isfinite(value).sum()),
        mean_of_site_means(chance, group),
        *bounded_interval(replicates),
        note=note,
        replicates=replicates,
    )


def effects_on_first(
    nearest: Integers,
    query: Integers,
    subject: npt.NDArray[np.int32],
    value: Floats,
    weight: Floats,
    stratum: Integers,
    depth: int,
    quality: Callable[[Integers, Integers, Integers], Floats],
) -> GalleryEffects:
    """:func:`benchmark.metrics.left_out.effects_in_lists` of a measure that sees the first scans of each list alone.

    Parameters
    ----------
    nearest
        Positions of each query's first scans, best first, -1 for none, shape (queries, depth or more): as many more
        as a subject has scans, so that others move up.
    query
        Positions of the queries, shape (queries,).
    subject
        Codes of all scans, shape (scans,).
    value
        Of each query, shape (queries,).
    weight
        Of each query in the score, 0 where it has no value, shape (queries,).
    stratum
        As for :func:`benchmark.metrics.left_out.effects_in_lists`.
    depth
        Scans that the measure sees.
    quality
        From places (queries, depth), which queries these are (queries,) and the subject that is left out (queries,),
        to their values. Where a query's own subject is in its gallery, it is not left out of it.

    Returns
    -------
    GalleryEffects
        Of one measure.
    """
    sizes = np.bincount(stratum)
    effects = GalleryEffects.none(len(stratum), len(sizes), 1)
    rows = np.flatnonzero(weight > 0)
    of = np.where(nearest >= 0, subject[nearest], -1).astype(np.int64)
    askers, left, changes = [], [], []
    for place in range(depth):
        gone = of[rows, place]
        first_time = (of[rows, :place] != gone[:, None]).all(axis=1)
        here = (gone >= 0) & first_time & (gone != subject[query[rows]])
        chosen = rows[here]
        stays = of[chosen] != gone[here, None]
        # Those that stay move up, in their order; what is crossed out or missing comes last.
        moved = np.argsort(~stays | (nearest[chosen] < 0), axis=1, kind="stable")[:, :depth]
        there = np.take_along_axis(stays, moved, axis=1)
        places = np.where(there, np.take_along_axis(nearest[chosen], moved, axis=1), -1).astype(np.int64)
        askers.append(subject[query[chosen]].astype(np.int64))
        left.append(gone[here])
        changes.append((quality(places, chosen, gone[here]) - value[chosen]) * weight[chosen])
    subjects = len(effects.change)
    pair, where = np.unique(np.concatenate(askers) * subjects + np.concatenate(left), return_inverse=True)
    of_pair = np.bincount(where, np.concatenate(changes), minlength=len(pair))
    asker, of_stratum = pair // subjects, stratum[pair % subjects]
    effects.change[:, 0] = np.bincount(pair % subjects, of_pair, minlength=subjects)
    effects.luck[:, 0] = np.bincount(of_stratum, np.square(of_pair), minlength=len(sizes))
    group, where = np.unique(asker * len(sizes) + of_stratum, return_inverse=True)
    sums = np.bincount(where, of_pair, minlength=len(group))
    effects.luck[:, 0] -= np.bincount(group % len(sizes), np.square(sums), minlength=len(sizes)) / sizes
    return effects


def deep_enough(depth: int, subject: npt.NDArray[np.int32]) -> int:
    """Scans of a list that :func:`effects_on_first` needs to see where a measure sees ``depth``, at most all others.

    Parameters
    ----------
    depth
        Scans that the measure sees.
    subject
        Codes of all scans, shape (scans,).
    """
    return min(depth + int(np.bincount(subject).max(initial=0)), max(len(subject), depth))

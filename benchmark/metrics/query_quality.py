"""Quality of each query's ranking, and the retrieval rows that it is summed up in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import (
    Strata,
    bounded_interval,
    mean_of_site_means,
    means_without,
    replicates_of,
)
from benchmark.metrics.left_out import MEASURES, GalleryEffects
from benchmark.metrics.ranked.lists import Floats
from benchmark.metrics.ranking import NEEDS, expected_quality
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

Integers = npt.NDArray[np.int64]

METRICS = {name: Metric("retrieval", name, version=2, higher_is_better=True) for name in NEEDS}

#: Note of a value whose lists are most of their galleries.
WHOLE_GALLERY = "no interval: lists are more than a third of their galleries"

#: Why a search that cannot go wrong has no quality.
ONE_LABEL = "one label alone: every scan of the gallery is relevant"


@dataclass(frozen=True)
class QueryQuality:
    """Per-query values, before any mean.

    Attributes
    ----------
    query
        Position of each query in the scans, shape (queries,).
    total, size
        Relevant scans and all scans of each query's gallery, shape (queries,).
    value, chance
        By measure, shape (queries,); NaN where undefined.
    effects
        What leaving each subject of the searched scans out of galleries changes in the mean over sites, by measure.
    strata
        Of these subjects.
    searched
        Their names, shape (subjects,).
    reason
        Why no query has a value, whatever it finds; empty otherwise.
    """

    query: Integers
    total: Integers
    size: Integers
    value: dict[str, Floats]
    chance: dict[str, Floats]
    effects: GalleryEffects
    strata: Strata
    searched: npt.NDArray[np.str_]
    reason: str = ""


@dataclass(frozen=True)
class Part:
    """Values of some of the queries, as for :class:`QueryQuality`, and what leaving out subjects changes."""

    total: Integers
    size: Integers
    value: dict[str, Floats]
    effects: GalleryEffects


def joined(
    scans: Scans, queries: Integers, parts: Sequence[Part], searched: npt.NDArray[np.bool_], strata: Strata
) -> QueryQuality:
    """Quality of all queries from that of parts of them, in their order; undefined where nothing could be wrong.

    Parameters
    ----------
    scans
        All scans.
    queries
        Positions of the queries in the order of the parts, shape (queries,); the result is in that of the scans.
    parts
        Their values.
    searched
        Scans whose subjects are drawn, shape (scans,).
    strata
        Of their subjects.
    """
    empty = [np.zeros(0, np.int64)]
    back = np.argsort(queries, kind="stable")
    total = np.concatenate([part.total for part in parts] or empty)[back]
    size = np.concatenate([part.size for part in parts] or empty)[back]
    effects = GalleryEffects.none(len(np.unique(scans.subject)), int(strata.stratum.max(initial=-1)) + 1, len(MEASURES))
    for part in parts:
        effects.add(part.effects)
    names = np.unique(scans.subject[searched])
    effects = GalleryEffects(effects.change[np.isin(np.unique(scans.subject), names)], effects.luck)
    if nothing_wrong(total, size):
        undefined = {name: np.full(len(queries), np.nan) for name in NEEDS}
        return QueryQuality(queries[back], total, size, undefined, undefined, effects, strata, names, ONE_LABEL)
    value = {name: np.concatenate([part.value[name] for part in parts] or [np.zeros(0)])[back] for name in NEEDS}
    return QueryQuality(queries[back], total, size, value, expected_quality(total, size), effects, strata, names)


def nothing_wrong(total: Integers, size: Integers) -> bool:
    """Whether queries find relevant scans alone, whatever their rank: a perfect score that would mean nothing.

    Parameters
    ----------
    total, size
        Relevant scans and all scans of each query's gallery, shape (queries,). Queries without a relevant scan have
        no value and do not count.
    """
    answered = total > 0
    return bool(answered.any() and (total == size)[answered].all())


def summarised(scans: Scans, quality: QueryQuality, params: str, settings: EvaluationSettings) -> list[Score]:
    """Rows of each measure: the mean over sites with its interval, then each query site's mean."""
    site = scans.site[quality.query]
    means = np.array([mean_of_site_means(quality.value[name], site) for name in METRICS])
    replicates = _replicates(scans, quality, settings)
    overall, by_site = [], []
    for column, (name, metric) in enumerate(METRICS.items()):
        value, chance = quality.value[name], quality.chance[name]
        reason, short = _reason(value, quality, NEEDS[name], site), _lists_are_short(quality, NEEDS[name])
        if not short and np.isfinite(means[column]):
            reason = "; ".join(text for text in (reason, WHOLE_GALLERY) if text)
        low, high = bounded_interval(replicates[:, column]) if short else (np.nan, np.nan)
        overall.append(
            Score(
                metric,
                params,
                float(means[column]),
                int(np.isfinite(value).sum()),
                reason=reason,
                ci_low=low,
                ci_high=high,
                chance=mean_of_site_means(chance, site),
                replicates=replicates[:, column],
            )
        )
        for one in np.unique(site):
            here = site == one
            by_site.append(
                Score(
                    metric,
                    params,
                    mean_of_site_means(value[here], site[here]),
                    int(np.isfinite(value[here]).sum()),
                    subgroup=key_values(query_site=one),
                    reason=_reason(value, quality, NEEDS[name], site, here),
                    chance=mean_of_site_means(chance[here], site[here]),
                )
            )
    return overall + by_site


def _lists_are_short(quality: QueryQuality, depth: int) -> bool:
    """Whether lists of a depth are at most a third of the typical gallery; a list of one scan always is.

    Beyond, what one subject changes in a list says too little of what another draw of subjects would: in simulated data
    sets, intervals of P@10 among about 20 scans cover 0.91.
    """
    sizes = quality.size[quality.total > 0]
    return depth == 1 or not len(sizes) or bool(np.median(sizes) >= 3 * depth)


def _replicates(scans: Scans, quality: QueryQuality, settings: EvaluationSettings) -> Floats:
    """Of each measure, shape (resamples, measures); NaN for one that galleries are not resampled for."""
    values = np.stack([quality.value[name] for name in METRICS], axis=1)
    site, subject = scans.site[quality.query], scans.subject[quality.query]
    value, without = means_without(values, subject, site, quality.searched)
    change, luck = np.full(without.shape, np.nan), np.full((len(quality.effects.luck), len(METRICS)), np.nan)
    for column, name in enumerate(METRICS):
        if name in MEASURES:
            change[:, column] = quality.effects.change[:, MEASURES.index(name)]
            luck[:, column] = quality.effects.luck[:, MEASURES.index(name)]
    return replicates_of(value, without, quality.strata, settings.bootstrap, settings.seed, (change, luck))


def _reason(
    value: Floats,
    quality: QueryQuality,
    needed: int,
    site: npt.NDArray[np.str_],
    here: npt.NDArray[np.bool_] | None = None,
) -> str:
    chosen = np.ones(len(value), bool) if here is None else here
    if not chosen.any():
        return "no query"
    if quality.reason:
        return quality.reason
    small = chosen & (quality.size < needed)
    lonely = chosen & (quality.total == 0) & ~small
    count = int(chosen.sum())
    reasons = []
    if lonely.any():
        reasons.append(f"{lonely.sum()} of {count} queries have no relevant scan in their gallery")
    if small.any():
        reasons.append(f"{small.sum()} of {count} queries have fewer than {needed} scans in their gallery")
    if here is None:
        empty = [str(one) for one in np.unique(site) if not np.isfinite(value[site == one]).any()]
        if empty:
            reasons.append(f"no defined query at {', '.join(empty)}")
    return "; ".join(reasons)

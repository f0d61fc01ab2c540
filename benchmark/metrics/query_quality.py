"""Quality of each query's ranking, and the retrieval rows that it is summed up in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.metrics.bootstrap import interval, mean_of_site_means, subject_replicates
from benchmark.metrics.ranked.lists import Floats
from benchmark.metrics.ranking import NEEDS, expected_quality
from benchmark.metrics.rows import Metric, Score, key_values
from benchmark.metrics.scans import Scans
from benchmark.metrics.settings import EvaluationSettings

Integers = npt.NDArray[np.int64]

METRICS = {name: Metric("retrieval", name, version=1, higher_is_better=True) for name in NEEDS}

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
    reason
        Why no query has a value, whatever it finds; empty otherwise.
    """

    query: Integers
    total: Integers
    size: Integers
    value: dict[str, Floats]
    chance: dict[str, Floats]
    reason: str = ""


@dataclass(frozen=True)
class Part:
    """Values of some of the queries, as for :class:`QueryQuality`."""

    total: Integers
    size: Integers
    value: dict[str, Floats]


def joined(queries: Integers, parts: Sequence[Part]) -> QueryQuality:
    """Quality of all queries from that of parts of them, in their order; undefined where nothing could be wrong."""
    empty = [np.zeros(0, np.int64)]
    total = np.concatenate([part.total for part in parts] or empty)
    size = np.concatenate([part.size for part in parts] or empty)
    if nothing_wrong(total, size):
        undefined = {name: np.full(len(queries), np.nan) for name in NEEDS}
        return QueryQuality(queries, total, size, undefined, undefined, ONE_LABEL)
    value = {name: np.concatenate([one.value[name] for one in parts] or [np.zeros(0)]) for name in NEEDS}
    return QueryQuality(queries, total, size, value, expected_quality(total, size))


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
    site, subject = scans.site[quality.query], scans.subject[quality.query]
    values = np.stack([quality.value[name] for name in METRICS], axis=1)
    replicates = subject_replicates(values, subject, site, settings.bootstrap, settings.seed)
    overall, by_site = [], []
    for column, (name, metric) in enumerate(METRICS.items()):
        value, chance = quality.value[name], quality.chance[name]
        low, high = interval(replicates[:, column])
        overall.append(
            Score(
                metric,
                params,
                mean_of_site_means(value, site),
                int(np.isfinite(value).sum()),
                reason=_reason(value, quality, NEEDS[name], site),
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

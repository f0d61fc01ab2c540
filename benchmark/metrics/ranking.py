"""Quality of ranked lists by every measure there is: per query, and expected under a random ranking."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
import numpy.typing as npt

import benchmark.metrics.ranked
from benchmark.metrics.ranked.lists import Floats, Integers, Measure, RankedLists


def _measures() -> dict[str, Measure]:
    names = sorted(module.name for module in pkgutil.iter_modules(benchmark.metrics.ranked.__path__))
    modules = [importlib.import_module(f"{benchmark.metrics.ranked.__name__}.{name}") for name in names]
    return {measure.name: measure for module in modules for measure in getattr(module, "MEASURES", ())}


#: Measures by name, found in the modules of :mod:`benchmark.metrics.ranked`.
MEASURES = _measures()

#: Gallery scans that a measure needs at least.
NEEDS = {name: measure.needs for name, measure in MEASURES.items()}


def ranked_quality(relevant: npt.NDArray[np.bool_], member: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    """Quality of each query's ranking.

    Parameters
    ----------
    relevant
        Shape (queries, ranks): whether the scan at a rank has the query's label.
    member
        Shape (queries, ranks): whether the scan at a rank is in the query's gallery at all; others are skipped and
        take no rank.

    Returns
    -------
    dict of str to numpy.ndarray
        By measure, shape (queries,) each, in [0, 1], higher is better. NaN where a query has no relevant scan, and
        for measures at k where its gallery holds fewer than k scans.
    """
    return list_quality(RankedLists.of(relevant, member))


def list_quality(lists: RankedLists) -> dict[str, Floats]:
    """:func:`ranked_quality` of lists that are there already."""
    return {name: _defined(one.value(lists), one, lists.total, lists.size) for name, one in MEASURES.items()}


def expected_quality(total: Integers, size: Integers) -> dict[str, Floats]:
    """Expectation of :func:`ranked_quality` when every order of the gallery is equally likely; exact.

    Parameters
    ----------
    total
        Relevant scans R of each query's gallery, shape (queries,).
    size
        Scans N of each query's gallery, shape (queries,).

    Returns
    -------
    dict of str to numpy.ndarray
        Shape (queries,) each; NaN where :func:`ranked_quality` is.
    """
    return {name: _defined(one.expected(total, size), one, total, size) for name, one in MEASURES.items()}


def _defined(values: Floats, measure: Measure, total: Integers, size: Integers) -> Floats:
    return np.where((total > 0) & (size >= measure.needs), values, np.nan)

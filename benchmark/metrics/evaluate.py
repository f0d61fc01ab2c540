"""All scores of one set of embeddings."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from collections.abc import Callable, Sequence
from functools import cache

import pandas as pd
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import benchmark.metrics
from benchmark.metrics.rows import Score, to_frame
from benchmark.metrics.scans import Scans, scored_scans
from benchmark.metrics.settings import EvaluationSettings

__all__ = ["EvaluationSettings", "evaluate"]

#: What a metric's module offers under the name ``scores``: scans, settings, and the sites that query (None for all).
Scorer = Callable[[Scans, EvaluationSettings, Sequence[str] | None], list[Score]]


def evaluate(
    embeddings: pd.DataFrame, settings: EvaluationSettings, query_sites: Sequence[str] | None = None
) -> pd.DataFrame:
    """Score embeddings with every metric there is.

    Parameters
    ----------
    embeddings
        Table as :func:`benchmark.embeddings.read_embeddings` gives it. With a `split` column the ``test`` rows are
        scored and the ``train`` rows give centre, scale and whitening; without one, all rows do both, and the
        `params` of rows for which that matters say so. The order of rows has no effect.
    settings
        How to score.
    query_sites
        Sites whose scans query in retrieval and identity: the held-out site in leave-one-site-out. None for all.
        The other tables see all scored scans either way.

    Returns
    -------
    pandas.DataFrame
        Long rows with the columns :data:`benchmark.metrics.rows.COLUMNS`, in the order of the metrics' modules.

    Raises
    ------
    UserError
        For a `split` column without test rows, or a query site without scored scans.
    """
    return to_frame(score_all(embeddings, settings, query_sites))


def score_all(
    embeddings: pd.DataFrame, settings: EvaluationSettings, query_sites: Sequence[str] | None = None
) -> list[Score]:
    """:func:`evaluate`, with the scores as they come from the metrics, replicates included.

    Libraries use one thread, so that scores do not depend on how many there are; what is worth it runs by
    :func:`benchmark.metrics.threads.map_chunks`.
    """
    scans = scored_scans(embeddings)
    # Filters of warnings are the whole process's: probes in several threads cannot each have their own.
    with threadpool_limits(1), warnings.catch_warnings():
        # Stopping at the iteration limit is part of what the probes are.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [score for scorer in scorers() for score in scorer(scans, settings, query_sites)]


@cache
def scorers() -> tuple[Scorer, ...]:
    """The functions named ``scores`` of this package's modules, in the order of the modules' names.

    A new metric is a new module with such a function; nothing else needs to know of it.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(benchmark.metrics.__path__))
    modules = [importlib.import_module(f"{benchmark.metrics.__name__}.{name}") for name in names]
    return tuple(module.scores for module in modules if hasattr(module, "scores"))

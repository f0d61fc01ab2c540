"""All scores of one set of embeddings."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from multiprocessing import get_context

import pandas as pd

import benchmark.metrics
from benchmark.metrics.feature_scaling import whitening_note
from benchmark.metrics.rows import Score, to_frame
from benchmark.metrics.scans import Scans, scored_scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.threads import reproducible, threads, use_one_thread

__all__ = ["EvaluationSettings", "evaluate"]

#: Metrics that threads do not make faster: growing boosted trees holds the interpreter's lock.
ASIDE = ("benchmark.metrics.leakage",)
#: Scans from which a process aside saves more than its start takes.
PAYS = 3000

#: What a metric's module offers under the name ``scores``: scans, settings, and the sites that query (None for all).
Scorer = Callable[[Scans, EvaluationSettings, Sequence[str] | None], list[Score]]


def evaluate(
    embeddings: pd.DataFrame, settings: EvaluationSettings, query_sites: Sequence[str] | None = None
) -> pd.DataFrame:
    """Score embeddings with every metric there is.

    Parameters
    ----------
    embeddings
        As from :func:`benchmark.embeddings.table.read_embeddings`. With a `split` column the ``test`` rows are
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
        For a `split` column without test rows, a query site without scored scans, or a value of an LDR that is not
        finite.
    """
    return to_frame(score_all(embeddings, settings, query_sites))


def score_all(
    embeddings: pd.DataFrame,
    settings: EvaluationSettings,
    query_sites: Sequence[str] | None = None,
    aside: Executor | None = None,
) -> list[Score]:
    """:func:`evaluate`, with the scores as they come from the metrics, replicates included.

    Libraries use one thread, so that scores do not depend on how many there are; what is worth it runs by
    :func:`benchmark.metrics.threads.map_chunks`.

    Parameters
    ----------
    embeddings, settings, query_sites
        As for :func:`evaluate`.
    aside
        Processes, as :func:`process_aside` makes them, that compute what threads cannot share; None for this one.
    """
    scans = scored_scans(embeddings)
    names = [scorer.__module__ for scorer in scorers()]
    given = {name: aside.submit(_scored, name, scans, settings, query_sites) for name in ASIDE} if aside else {}
    here = {name: _scored(name, scans, settings, query_sites) for name in names if name not in given}
    return [score for name in names for score in (here[name] if name in here else given[name].result())]


@contextmanager
def process_aside(scans: int) -> Iterator[Executor | None]:
    """A process for :func:`score_all`; None where there is one core, or so few scans that it would not pay.

    The program's main module must be one that can be imported, as for every process that is started anew.
    """
    if threads() == 1 or scans < PAYS:
        yield None
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=use_one_thread) as pool:
        yield pool


def _scored(name: str, scans: Scans, settings: EvaluationSettings, query_sites: Sequence[str] | None) -> list[Score]:
    scorer: Scorer = importlib.import_module(name).scores
    with reproducible():
        return _flagged(scorer(scans, settings, query_sites), whitening_note(scans.reference))


def _flagged(scores: list[Score], note: str) -> list[Score]:
    """Scores; those in whitened coordinates, or by the whitened distance, with a note if there is one."""
    return [
        replace(score, note="; ".join(text for text in (score.note, note) if text))
        if math.isfinite(score.value) and "whitened" in score.params.values()
        else score
        for score in scores
    ]


@cache
def scorers() -> tuple[Scorer, ...]:
    """The functions named ``scores`` of this package's modules, in the order of the modules' names.

    A new metric is a new module with such a function; nothing else needs to know of it.
    """
    there = pkgutil.walk_packages(benchmark.metrics.__path__, f"{benchmark.metrics.__name__}.")
    names = sorted((module.name for module in there), key=lambda name: name.rpartition(".")[2])
    modules = map(importlib.import_module, names)
    return tuple(module.scores for module in modules if hasattr(module, "scores"))

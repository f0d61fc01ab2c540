"""All scores of one set of embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.metrics.disease import disease
from benchmark.metrics.leakage import leakage
from benchmark.metrics.retrieval import retrieval
from benchmark.metrics.rows import to_frame
from benchmark.metrics.scans import scored_scans
from benchmark.metrics.settings import EvaluationSettings
from benchmark.metrics.structure import structure
from benchmark.metrics.travelling import travelling_top1

__all__ = ["EvaluationSettings", "evaluate"]


def evaluate(
    embeddings: pd.DataFrame, settings: EvaluationSettings, query_sites: Sequence[str] | None = None
) -> pd.DataFrame:
    """Score embeddings: retrieval, identity, leakage, disease, structure.

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
        Leakage, disease and structure see all scored scans either way.

    Returns
    -------
    pandas.DataFrame
        Long rows with the columns :data:`benchmark.metrics.rows.COLUMNS`.

    Raises
    ------
    UserError
        For a `split` column without test rows, or a query site without scored scans.
    """
    scans = scored_scans(embeddings)
    return to_frame(
        [
            *retrieval(scans, settings, query_sites),
            *travelling_top1(scans, settings, query_sites),
            *leakage(scans, settings),
            *disease(scans, settings),
            *structure(scans),
        ]
    )
